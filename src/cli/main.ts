#!/usr/bin/env node
import { CommanderError } from 'commander';
import { CliError } from './cli-error.js';
import { createProgram } from './program.js';

// Where the reader of a pipe leaves (`linnet config | head -1`), what is still to be written is of no use to anybody.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  const program = await createProgram(process.argv[2]);
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
