import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { addExamples } from '../terminal/help-examples.js';

const PROGRAM = fileURLToPath(new URL('../../../bench/run.mjs', import.meta.url));

/** Adds `linnet bench`, which measures this machine; the options are those of the program that does it. */
export function addBenchCommand(program: Command): void {
  const command = program
    .command('bench')
    .description('Measure Linnet on this machine: tokens a second, latencies, memory.')
    .argument('[args...]', 'workloads and options; `linnet bench --help` lists them')
    .helpOption(false)
    .allowUnknownOption()
    .action(runBench);
  addExamples(command, [
    ['Measure everything:', 'linnet bench'],
    ['Measure decoding at two precisions:', 'linnet bench decode --precision f32,q8'],
  ]);
}

/** Runs the benchmarks in a process of their own, so that nothing of the command line's is measured with them. */
async function runBench(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: 'inherit' });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  if (signal !== null) process.kill(process.pid, signal);
  process.exitCode = code ?? 1;
}
