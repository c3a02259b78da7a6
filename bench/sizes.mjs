// The published sizes with random weights: how long a process takes from its start to the model in memory, without and
// with the cache of quantized weights, and how much memory. `node bench/sizes.mjs [SIZE ...]`, for instance `gpt2-medium`
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from './support/child-process.mjs';
import { randomCheckpoint } from './support/random-checkpoint.mjs';

const LOAD = new URL('./support/load-process.mjs', import.meta.url);
const MB = 1e6;

const sizes =
  process.argv.length > 2 ? process.argv.slice(2) : ['distilgpt2', 'gpt2', 'gpt2-medium', 'gpt2-large'];
const columns = ['model', 'weights', 'first start', 'later starts', 'memory', 'peak, first', 'peak, later'];
console.log(`| ${columns.join(' | ')} |\n| --- | --- |${' ---: |'.repeat(columns.length - 2)}`);
for (const size of sizes) {
  const scratch = mkdtempSync(join(tmpdir(), 'linnet-size-'));
  try {
    const directory = randomCheckpoint(join(scratch, size), size);
    for (const precision of ['f32', 'q8', 'i8', 'q4']) {
      const options = {
        directory,
        precision,
        cacheDirectory: join(scratch, 'cache'),
        numThreads: availableParallelism(),
      };
      const first = await load(options);
      const later = [await load(options), await load(options), await load(options)].sort(
        (a, b) => a.ms - b.ms,
      )[1];
      const times = [precision === 'f32' ? later.ms : first.ms, later.ms].map(
        (ms) => `${(ms / 1000).toFixed(1)} s`,
      );
      const memory = [later.residentNow, first.resident, later.resident].map(
        (bytes) => `${Math.round(bytes / MB)} MB`,
      );
      console.log(`| ${[size, precision, ...times, ...memory].join(' | ')} |`);
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function load(options) {
  const child = await startChild(LOAD);
  try {
    return await child.ask('load', options);
  } finally {
    await child.close();
  }
}
