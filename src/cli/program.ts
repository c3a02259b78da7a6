import { Command } from 'commander';
import { addExamples } from './terminal/help-examples.js';
import { VERSION } from './version.js';

/** By name, each in a module of its own, which is loaded where it is called for: all of them take memory that servers keep. */
const COMMANDS: ReadonlyMap<string, () => Promise<(program: Command) => void>> = new Map(
  Object.entries({
    serve: async () => (await import('./commands/serve.js')).addServeCommand,
    engine: async () => (await import('./commands/engine.js')).addEngineCommand,
    gateway: async () => (await import('./commands/gateway.js')).addGatewayCommand,
    complete: async () => (await import('./commands/complete.js')).addCompleteCommand,
    pull: async () => (await import('./commands/pull.js')).addPullCommand,
    models: async () => (await import('./commands/models.js')).addModelsCommand,
    config: async () => (await import('./commands/config.js')).addConfigCommand,
    bench: async () => (await import('./commands/bench.js')).addBenchCommand,
    load: async () => (await import('./commands/load.js')).addLoadCommand,
    key: async () => (await import('./commands/key.js')).addKeyCommand,
    completion: async () => (await import('./commands/completion.js')).addCompletionCommand,
  }),
);

const EXIT_CODES = `
Exit codes:
  0    done; also where the reader of a pipe left
  1    failed, for the reason that is told
  2    the command line, a setting or a field of the request makes no sense
  130  ended by Ctrl-C`;

/**
 * Makes the command line. It throws CommanderError where the process is to end.
 *
 * @param called the name of the command that is called, to have that one alone; all where there is none of that name, and
 *   for `completion`, which tells of all of them.
 */
export async function createProgram(called = ''): Promise<Command> {
  const program = new Command('linnet')
    .description('GPT-2 completions over HTTP and gRPC.')
    .version(VERSION)
    .exitOverride()
    // As every other message begins.
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'linnet: ')) })
    .showHelpAfterError('(linnet --help, or linnet COMMAND --help, says more)')
    .addHelpText('after', EXIT_CODES);
  addExamples(program, [
    ['Serve the model that comes with it:', 'linnet serve'],
    ['Complete a text, without a server:', 'linnet complete "Once upon a time" --max-tokens 40'],
  ]);
  const own = called === 'completion' ? undefined : COMMANDS.get(called);
  for (const load of own === undefined ? COMMANDS.values() : [own]) (await load())(program);
  return program;
}
