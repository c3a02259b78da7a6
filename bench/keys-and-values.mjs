// Measures a step with keys and values in f32 and in 8 bits, in turn: `node bench/keys-and-values.mjs [i8|q4]`.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { F32_ATTENTION } from '../dist/engine/attention/f32-attention.js';
import { INTEGER_ATTENTION } from '../dist/engine/attention/integer-attention.js';
import { capacitiesFor } from '../dist/engine/kv-cache/slot-table.js';
import { ModelRunner } from '../dist/engine/model/model-runner.js';
import { MATRIX_FORMATS } from '../dist/engine/weights/matrix-formats.js';
import { machineLine } from './support/machine.mjs';
import { openModelSession } from './support/model-session.mjs';
import { randomCheckpoint } from './support/random-checkpoint.mjs';
import { interleave } from './support/rounds.mjs';
import { sequenceOf } from './support/sequence.mjs';
import { median } from './support/statistics.mjs';

const CACHE = join(tmpdir(), 'linnet-bench');
const CHUNK = 64;
/** Sequences, new tokens of each, and positions of their slots. */
const SHAPES = [
  [1, 1, 64],
  [1, 1, 256],
  [1, 1, 1024],
  [16, 1, 128],
  [16, 1, 256],
  [16, 1, 512],
  [1, CHUNK, 256],
  [1, CHUNK, 1024],
];

const [precision = 'i8'] = process.argv.slice(2);
const runners = await Promise.all([F32_ATTENTION, INTEGER_ATTENTION].map(open));
console.log(machineLine());
console.log('| new tokens x positions | in f32 | in 8 bits |\n| --- | ---: | ---: |');
for (const [count, numNewTokens, capacity] of SHAPES) {
  const steps = [];
  for (const each of runners) steps.push(await prepare(each, { count, numNewTokens, capacity }));
  const times = await interleave(steps, { rounds: 40, mayBegin: () => true, warmUp: true });
  const cells = times.map((list) => median(list).toFixed(1));
  const who =
    numNewTokens > 1 ? `a chunk of ${numNewTokens}` : `${count} ${count > 1 ? 'streams' : 'stream'}`;
  console.log(`| ${who} x ${capacity} | ${cells.join(' | ')} |`);
}
for (const { runner } of runners) await runner.release();

async function open(attention) {
  const format = { ...MATRIX_FORMATS[precision], attention: async () => attention };
  const directory = randomCheckpoint(join(CACHE, 'gpt2'));
  const session = await openModelSession({ directory, cacheDirectory: CACHE, format, numThreads: 2 });
  const capacities = capacitiesFor(session.config.contextLength);
  const maxPositions = 16 * capacities.at(-1);
  return { runner: new ModelRunner({ ...session, capacities, maxPositions }), capacities };
}

/** Fills slots, so that their memory is read as in use; the result makes the last step again and tells its milliseconds. */
async function prepare({ runner, capacities }, { count, numNewTokens, capacity }) {
  const classIndex = capacities.indexOf(capacity);
  const sequences = Array.from({ length: count }, () => sequenceOf(Array(capacity).fill(42)));
  const stepOf = (of, index, numTokens) => ({
    batches: [{ sequences: of, firstSlot: { classIndex, index }, capacity, numNewTokens: numTokens }],
    moves: [],
  });
  for (const [index, sequence] of sequences.entries()) {
    for (; sequence.numComputedTokens < capacity; sequence.numComputedTokens += CHUNK)
      await runner.run(stepOf([sequence], index, CHUNK), [0]);
    sequence.numComputedTokens = capacity - numNewTokens;
  }
  const rows = numNewTokens > 1 ? [numNewTokens - 1] : [...sequences.keys()];
  return async () => {
    const startedAt = performance.now();
    await runner.run(stepOf(sequences, 0, numNewTokens), rows);
    return performance.now() - startedAt;
  };
}
