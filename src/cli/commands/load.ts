import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { LoadError, type LoadResult, runLoad } from '../../load/run-load.js';
import { CliError } from '../cli-error.js';
import { addLoadOptions, type LoadFlags, toLoadOptions } from '../settings/load-options.js';
import { addExamples } from '../terminal/help-examples.js';
import { renderLoadLine, renderLoadResult } from '../terminal/load-report.js';

/** Adds `linnet load`: requests for a service that runs, and what came of them. */
export function addLoadCommand(program: Command): void {
  const command = program
    .command('load')
    .description(
      'Put a load on a service that runs, over HTTP or gRPC: latencies, tokens a second, refusals.',
    )
    .argument(
      '[target]',
      'http://HOST:PORT of a gateway, or grpc://HOST:PORT of a service',
      'http://localhost:8000',
    );
  addLoadOptions(command);
  addExamples(command, [
    ['Eight clients for half a minute, on the service of this machine:', 'linnet load'],
    ['Twenty requests a second over gRPC:', 'linnet load grpc://127.0.0.1:50051 --rate 20 --duration 1m'],
    ['Compare every text with what one client alone gets:', 'linnet load --clients 32 --check'],
  ]);
  command.action(async (target: string, flags: LoadFlags) => {
    const result = await run(target, flags);
    process.stdout.write(renderLoadResult(result));
    if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(result, undefined, 2)}\n`);
    const { wrong, completed } = result.counts;
    // Refusals are a result; a wrong text, or none at all, is a failure.
    process.exitCode = wrong > 0 || completed === 0 ? 1 : 0;
  });
}

/** Runs the load to its end, or to Ctrl-C, after which the figures are those so far. */
async function run(target: string, flags: LoadFlags): Promise<LoadResult> {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  const isTerminal = process.stderr.isTTY;
  const onProgress: Parameters<typeof runLoad>[1]['onProgress'] = (figures, elapsedMs) => {
    const line = renderLoadLine(figures, elapsedMs);
    if (isTerminal) process.stderr.write(`\r\u001b[2K${line}`);
    else if (Math.round(elapsedMs / 1000) % 10 === 0) console.error(line);
  };
  try {
    return await runLoad(toLoadOptions(target, flags, process.env), {
      onProgress,
      signal: controller.signal,
    });
  } catch (error) {
    throw error instanceof LoadError ? new CliError(error.message) : error;
  } finally {
    if (isTerminal) process.stderr.write('\r\u001b[2K');
  }
}
