import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { GenerateRequest } from '../../contract/gen/linnet/v1/completion.js';
import { createEngine, EngineError } from '../../engine/index.js';
import { GatewayError } from '../../gateway/gateway-error.js';
import { CliError, UsageError } from '../cli-error.js';
import { printCompletion } from '../completion-printer.js';
import { type CompletionSource, createLocalSource, createRemoteSource } from '../completion-source.js';
import { toEngineOptions } from '../engine-options.js';
import { createLog } from '../log.js';
import { showQuantizationProgress } from '../quantization-progress.js';
import { addRequestOptions, type RequestOptions, toRequest } from '../request-options.js';
import type { ResolvedSettings } from '../resolve-settings.js';
import { openEngineTls } from '../security.js';
import { addSettingOptions, settingsOf } from '../setting-options.js';
import type { SettingKey } from '../settings.js';

/** The options that are no settings. */
interface CompleteOptions extends RequestOptions {
  readonly address?: string;
}

const KEYS: readonly SettingKey[] = [
  ...(['model', 'precision', 'cacheDirectory', 'threads', 'engineCa', 'engineCert', 'engineKey'] as const),
];

/** Adds `linnet complete`: one completion, streamed to the terminal. */
export function addCompleteCommand(program: Command): void {
  const command = program
    .command('complete')
    .description('Complete a prompt on the terminal; nothing else needs to run.')
    .argument('[prompt]', 'what to continue; `-`, or none with piped input, reads it from standard input')
    .option('--address <address>', 'ask the gRPC service that runs there, not an engine of its own');
  addRequestOptions(command);
  addSettingOptions(command, KEYS);
  command.action(async (prompt: string | undefined, options: CompleteOptions) => {
    const resolved = settingsOf(command, process.env);
    const request = toRequest(modelOf(options, resolved), await readPrompt(prompt), options);
    const source = createSource(options.address, resolved);
    process.exitCode = await complete(source, request);
  });
}

/** Runs the request to its end, or to Ctrl-C, and returns the exit code. */
async function complete(source: CompletionSource, request: GenerateRequest): Promise<number> {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  try {
    await printCompletion(source.generate(request, controller.signal), process, controller);
    return 0;
  } catch (error) {
    if (controller.signal.aborted) return 130;
    throw toCliError(error);
  } finally {
    await source.close();
  }
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
  return address !== undefined && origins.model === '--model' ? settings.model : '';
}

function createSource(address: string | undefined, resolved: ResolvedSettings): CompletionSource {
  if (address !== undefined) {
    const tls = openEngineTls(resolved.settings, createLog('silent', process));
    return createRemoteSource({ address, tls, apiKey: process.env['LINNET_API_KEY'] || undefined });
  }
  const engine = createEngine(toEngineOptions(resolved));
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
