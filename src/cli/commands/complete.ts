import { text } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import type { GenerateRequest } from '../../contract/gen/linnet/v1/completion.js';
import { createEngine, EngineError } from '../../engine/index.js';
import { GatewayError } from '../../gateway/errors/gateway-error.js';
import { CliError, UsageError } from '../cli-error.js';
import { findModels } from '../models/find-models.js';
import { openRemoteService } from '../processes/remote-service.js';
import { toEngineOptions } from '../settings/engine-options.js';
import { addRequestOptions, type RequestOptions, toRequest } from '../settings/request-options.js';
import type { ResolvedSettings } from '../settings/resolve-settings.js';
import { addSettingOptions, settingsOf } from '../settings/setting-options.js';
import type { SettingKey } from '../settings/settings.js';
import { isColorful } from '../terminal/banner.js';
import { printCompletion } from '../terminal/completion-printer.js';
import {
  type CompletionSource,
  createLocalSource,
  createRemoteSource,
} from '../terminal/completion-source.js';
import { addExamples } from '../terminal/help-examples.js';
import { showQuantizationProgress } from '../terminal/quantization-progress.js';

/** The options that are no settings. */
interface CompleteOptions extends RequestOptions {
  readonly address?: string;
  readonly color?: 'probability' | 'none';
  readonly colour?: 'probability' | 'none';
}

const KEYS: readonly SettingKey[] = [
  ...(['models', 'precision', 'cacheDirectory', 'threads', 'engineCa', 'engineCert', 'engineKey'] as const),
];

/** Adds `linnet complete`: one completion, streamed to the terminal. */
export function addCompleteCommand(program: Command): void {
  const command = program
    .command('complete')
    .description('Complete a prompt on the terminal; nothing else needs to run.')
    .argument('[prompt]', 'what to continue; `-`, or none with piped input, reads it from standard input')
    .option('--address <address>', 'ask the gRPC service that runs there, not an engine of its own')
    .addOption(colorOption('--color <by>'))
    .addOption(colorOption('--colour <by>').hideHelp());
  addExamples(command, [
    [
      'Write a story, each word in the colour of its probability:',
      'linnet complete "Once upon a time" --max-tokens 80 --color probability',
    ],
    ['Continue a file, the same way each time:', 'linnet complete --seed 7 --max-tokens 100 < story.txt'],
    ['Ask a service that runs:', 'linnet complete "Once upon a time" --address 127.0.0.1:50051'],
  ]);
  addRequestOptions(command);
  addSettingOptions(command, KEYS);
  command.action(async (prompt: string | undefined, options: CompleteOptions) => {
    const resolved = settingsOf(command, process.env);
    const isColored = (options.color ?? options.colour) === 'probability' && showsColors(process);
    const given = await readPrompt(prompt);
    if (given === '')
      throw new UsageError('The prompt is empty. "<|endoftext|>" begins a text from nothing.');
    const request = toRequest(modelOf(options, resolved), given, options);
    const source = await createSource(options.address, resolved);
    process.exitCode = await complete(source, { ...request, logprobs: isColored ? 0 : undefined });
  });
}

/** Runs the request to its end, or to Ctrl-C, and returns the exit code. */
async function complete(source: CompletionSource, request: GenerateRequest): Promise<number> {
  const isColored = request.logprobs !== undefined;
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  try {
    await printCompletion(source.generate(request, controller.signal), process, { controller, isColored });
    return 0;
  } catch (error) {
    if (controller.signal.aborted) return 130;
    throw toCliError(error);
  } finally {
    await source.close();
  }
}

function colorOption(flags: string): Option {
  const description = 'colour each token by its probability, where standard output shows colours';
  return new Option(flags, description).choices(['probability', 'none']);
}

/** Tells whether standard output shows colours; FORCE_COLOR asks for them also in a pipe, such as to `less -R`. */
function showsColors({ stdout, env }: NodeJS.Process): boolean {
  const isForced = !['', '0', undefined].includes(env['FORCE_COLOR']) && !env['NO_COLOR'];
  return isForced || isColorful(stdout, env);
}

async function readPrompt(prompt: string | undefined): Promise<string> {
  if (prompt !== undefined && prompt !== '-') return prompt;
  if (prompt === undefined && process.stdin.isTTY) {
    throw new UsageError('There is no prompt. Give one as an argument, or pipe one in.');
  }
  // As a shell's $(...) does: the newline at the end belongs to the file, not to the prompt.
  return (await text(process.stdin)).replace(/\r?\n$/, '');
}

/** On a service elsewhere a model has an id, not a folder; its default one is right unless the flag names another. */
function modelOf({ address }: CompleteOptions, { settings, origins }: ResolvedSettings): string {
  return address !== undefined && origins.models === '--model' ? (settings.models[0] ?? '') : '';
}

async function createSource(
  address: string | undefined,
  resolved: ResolvedSettings,
): Promise<CompletionSource> {
  if (address !== undefined) {
    return createRemoteSource(openRemoteService(address, resolved.settings));
  }
  const report = { output: process.stderr, writeLine: (line: string) => console.error(line) };
  const engine = createEngine(toEngineOptions(resolved.settings, await findModels(resolved, report)));
  showQuantizationProgress(engine, process.stderr, () => {});
  return createLocalSource(engine);
}

/** Turns what the engine or the service refused into what the terminal says; a defect stays as it is. */
function toCliError(caught: unknown): unknown {
  if (caught instanceof EngineError) {
    if (caught.reason === 'INTERNAL') return caught;
    return caught.reason === 'INVALID_FIELD' ? new UsageError(caught.message) : new CliError(caught.message);
  }
  if (caught instanceof GatewayError) {
    return caught.kind.http === 400 ? new UsageError(caught.message) : new CliError(caught.message);
  }
  return caught;
}
