import { Command } from 'commander';
import { addBenchCommand } from './commands/bench.js';
import { addCompleteCommand } from './commands/complete.js';
import { addCompletionCommand } from './commands/completion.js';
import { addConfigCommand } from './commands/config.js';
import { addEngineCommand } from './commands/engine.js';
import { addGatewayCommand } from './commands/gateway.js';
import { addKeyCommand } from './commands/key.js';
import { addLoadCommand } from './commands/load.js';
import { addModelsCommand } from './commands/models.js';
import { addPullCommand } from './commands/pull.js';
import { addServeCommand } from './commands/serve.js';
import { addExamples } from './terminal/help-examples.js';
import { VERSION } from './version.js';

const EXIT_CODES = `
Exit codes:
  0    done; also where the reader of a pipe left
  1    failed, for the reason that is told
  2    the command line, a setting or a field of the request makes no sense
  130  ended by Ctrl-C`;

/** Makes the whole command line, with all its commands. It throws CommanderError where the process is to end. */
export function createProgram(): Command {
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
  addServeCommand(program);
  addEngineCommand(program);
  addGatewayCommand(program);
  addCompleteCommand(program);
  addPullCommand(program);
  addModelsCommand(program);
  addConfigCommand(program);
  addBenchCommand(program);
  addLoadCommand(program);
  addKeyCommand(program);
  addCompletionCommand(program);
  return program;
}
