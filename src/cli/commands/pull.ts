import type { Command } from 'commander';
import { EngineError, inspectCheckpoint } from '../../engine/index.js';
import { CliError } from '../cli-error.js';
import { locateModel } from '../models/model-location.js';
import { pullModel } from '../models/model-pull.js';
import { formatCount } from '../models/model-summary.js';
import { addExamples } from '../terminal/help-examples.js';

/** Adds `linnet pull`: brings a model from the Hub into the cache, and prints its folder. */
export function addPullCommand(program: Command): void {
  const command = program
    .command('pull')
    .description('Bring a model from the Hugging Face Hub into its cache, check it, and print its folder.')
    .argument(
      '<model>',
      'gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2 or OWNER/NAME, perhaps with @REVISION; or a folder, which is only checked',
    )
    .addHelpText(
      'after',
      '\nHF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to other tools.',
    )
    .action(async (model: string) => {
      process.exitCode = await runPull(model);
    });
  addExamples(command, [
    ['Bring the model of 124M parameters, 548 MB:', 'linnet pull gpt2'],
    ['Bring one revision of a model, for a script:', 'folder=$(linnet pull openai-community/gpt2@main)'],
  ]);
}

/** Pulls to the end, or to Ctrl-C, and returns the exit code. */
async function runPull(model: string): Promise<number> {
  const location = locateModel(model, 'pull');
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  const report = {
    output: process.stderr,
    writeLine: (line: string) => console.error(line),
    signal: controller.signal,
  };
  try {
    const directory =
      'directory' in location ? location.directory : await pullModel(location.repository, report);
    console.error(describe(model, directory));
    console.log(directory);
    return 0;
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    console.error('Stopped. What has come is kept, and the next pull goes on from there.');
    return 130;
  }
}

/**
 * Checks the folder and says what is in it.
 *
 * @throws CliError where it is no checkpoint that can be served.
 */
function describe(model: string, directory: string): string {
  try {
    const { numParameters, contextLength } = inspectCheckpoint(directory);
    return `${model}: ${formatCount(numParameters)} parameters, context ${contextLength}. Serve it with --model ${model}`;
  } catch (error) {
    if (error instanceof EngineError) throw new CliError(`${model} can't be served: ${error.message}`);
    throw error;
  }
}
