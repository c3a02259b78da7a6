#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { CliError } from './cli-error.js';
import { addBenchCommand } from './commands/bench.js';
import { addCompleteCommand } from './commands/complete.js';
import { addConfigCommand } from './commands/config.js';
import { addEngineCommand } from './commands/engine.js';
import { addGatewayCommand } from './commands/gateway.js';
import { addKeyCommand } from './commands/key.js';
import { addLoadCommand } from './commands/load.js';
import { addModelsCommand } from './commands/models.js';
import { addPullCommand } from './commands/pull.js';
import { addServeCommand } from './commands/serve.js';
import { VERSION } from './version.js';

const program = new Command('linnet')
  .description('GPT-2 completions over HTTP and gRPC.')
  .version(VERSION)
  .exitOverride()
  .showHelpAfterError('(linnet --help, or linnet COMMAND --help, says more)');

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

try {
  await program.parseAsync();
} catch (error) {
  // A server that failed half way may have left something open.
  process.exit(report(error));
}

/** Says what went wrong, and returns the exit code: 2 for a command line that makes no sense, else 1. */
function report(error: unknown): number {
  // Commander has printed its message itself; help and version come this way too, with code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof CliError) {
    console.error(`linnet: ${error.message}`);
    return error.exitCode;
  }
  console.error(error);
  return 1;
}
