// The published sizes with random weights: how long a process takes from its start to the model in memory, without and
// with the cache of quantized weights, and how much memory. `node bench/sizes.mjs [SIZE ...]`, for instance `gpt2-medium`;
// `--precision LIST` for some of them; `--keep FOLDER` leaves the checkpoints there, and finds them there the next time.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { estimateModelBytes } from '../dist/engine/model/model-memory.js';
import { startChild } from './support/child-process.mjs';
import { randomCheckpoint } from './support/random-checkpoint.mjs';
import { median } from './support/statistics.mjs';

const LOAD = new URL('./support/load-process.mjs', import.meta.url);
const NUM_LATER = 3;
const COLUMNS = [
  ...['model', 'weights', 'first start', 'later starts'],
  ...['memory', 'reckoned', 'peak, first', 'peak, later'],
];

const { values, positionals } = parseArgs({
  options: { keep: { type: 'string' }, precision: { type: 'string', default: 'f32,q8,i8,q4' } },
  allowPositionals: true,
});
const precisions = /** @type {Array<'f32' | 'q8' | 'i8' | 'q4'>} */ (values.precision.split(','));
const sizes = positionals.length > 0 ? positionals : ['distilgpt2', 'gpt2', 'gpt2-medium', 'gpt2-large'];
console.log(`| ${COLUMNS.join(' | ')} |\n| --- | --- |${' ---: |'.repeat(COLUMNS.length - 2)}`);
for (const size of sizes) {
  const scratch = mkdtempSync(join(tmpdir(), 'linnet-size-'));
  try {
    const directory = randomCheckpoint(join(values.keep ?? scratch, size), size);
    const cacheDirectory = join(scratch, 'cache');
    for (const precision of precisions) {
      const options = { directory, precision, cacheDirectory, numThreads: availableParallelism() };
      const first = await load(options);
      const later = [];
      for (let i = 0; i < NUM_LATER; i++) later.push(await load(options));
      const ofLater = (figure) => median(later.map((run) => run[figure]));
      const seconds = [first.ms, ofLater('ms')].map((ms) => `${(ms / 1000).toFixed(1)} s`);
      const memory = [
        ofLater('residentNow'),
        await estimateModelBytes(directory, precision),
        ...[first.resident, ofLater('resident')],
      ].map((bytes) => `${Math.round(bytes / 1e6)} MB`);
      console.log(`| ${[size, precision, ...seconds, ...memory].join(' | ')} |`);
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
