// What quantization costs, for every precision: perplexity on held-out text, how far the probabilities are from those at
// f32, and how often the most probable token stays the same.
// `node bench/perplexity.mjs [CHECKPOINT] [TEXT] [--outliers FACTOR]`
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { F32_ATTENTION } from '../dist/engine/attention/f32-attention.js';
import { capacitiesFor } from '../dist/engine/kv-cache/slot-table.js';
import { ModelRunner } from '../dist/engine/model/model-runner.js';
import { toTokens } from '../dist/engine/text/text-tokens.js';
import { createTokenizer } from '../dist/engine/text/tokenizer.js';
import { blockFormat } from '../dist/engine/weights/block-format.js';
import { INTEGER_HEAD } from '../dist/engine/weights/integer-head.js';
import { MATRIX_FORMATS } from '../dist/engine/weights/matrix-formats.js';
import { openModelSession } from './support/model-session.mjs';
import { outlierCheckpoint } from './support/outlier-checkpoint.mjs';
import { sequenceOf } from './support/sequence.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { outliers: { type: 'string' } },
});
const [model = 'models/fable', file = 'test/fixtures/held-out.txt'] = positionals;
const CHUNK = 64;
const FORMATS = [
  ['f32', MATRIX_FORMATS.f32],
  ['q8, blocks of 128', MATRIX_FORMATS.q8],
  ['q8, blocks of 32', blockFormat({ bits: 8, blockSize: 32 })],
  ['i8', MATRIX_FORMATS.i8],
  ['i8, keys and values in f32', { ...MATRIX_FORMATS.i8, attention: async () => F32_ATTENTION }],
  ['q4, blocks of 128', MATRIX_FORMATS.q4],
  ['q4, blocks of 32', blockFormat({ bits: 4, blockSize: 32 }, INTEGER_HEAD)],
];

const folder = mkdtempSync(join(tmpdir(), 'linnet-perplexity-'));
try {
  const factor = Number(values.outliers ?? 1);
  const directory = factor === 1 ? model : outlierCheckpoint(model, join(folder, 'outliers'), factor);
  await compare(await Promise.all(FORMATS.map(([name, format]) => openFormat(name, format, directory))));
} finally {
  rmSync(folder, { recursive: true });
}

async function openFormat(name, format, directory) {
  const session = await openModelSession({ directory, cacheDirectory: folder, format, numThreads: 2 });
  const capacities = capacitiesFor(session.config.contextLength);
  const runner = new ModelRunner({ ...session, capacities, maxPositions: capacities.at(-1) });
  return { name, config: session.config, capacities, runner, sums: { loss: 0, divergence: 0, same: 0 } };
}

/** All of them read the text side by side, the first one leading. */
async function compare(candidates) {
  const [{ config }] = candidates;
  const windows = await readWindows(config);
  let count = 0;
  for (const ids of windows) {
    const sequences = candidates.map(() => sequenceOf(ids));
    for (let start = 0; start < ids.length; start += CHUNK) {
      const targets = ids.slice(start + 1, start + CHUNK + 1);
      let references;
      for (const [index, candidate] of candidates.entries()) {
        const logits = await readChunk(candidate, sequences[index], Math.min(CHUNK, ids.length - start));
        const rows = targets.map((_, row) =>
          logits.subarray(row * config.vocabSize, (row + 1) * config.vocabSize),
        );
        references ??= rows.map(toReference);
        for (const [row, target] of targets.entries()) {
          score(candidate.sums, rows[row], references[row], target);
        }
      }
      count += targets.length;
    }
  }
  print(candidates, count);
  for (const { runner } of candidates) await runner.release();
}

/** Documents in pieces that fit the context; each predicts from its second token on. */
async function readWindows({ contextLength, endOfTextId }) {
  const tokenizer = await createTokenizer();
  return readFileSync(file, 'utf8')
    .split('<|endoftext|>')
    .flatMap((text) => {
      const ids = [endOfTextId, ...toTokens(text.trim(), tokenizer).map(({ id }) => id)];
      const pieces = [];
      for (let start = 0; start + 1 < ids.length; start += contextLength - 1) {
        pieces.push(ids.slice(start, start + contextLength));
      }
      return pieces;
    });
}

async function readChunk({ runner, capacities }, sequence, numNewTokens) {
  const firstSlot = { classIndex: capacities.length - 1, index: 0 };
  const batch = { sequences: [sequence], firstSlot, capacity: capacities.at(-1), numNewTokens };
  const rows = Array.from({ length: numNewTokens }, (_, row) => row);
  const { logits } = await runner.run({ batches: [batch], moves: [] }, rows);
  sequence.numComputedTokens += numNewTokens;
  return logits;
}

function toReference(logits) {
  const { best, logSum } = logSumExp(logits);
  const probabilities = logits.map((logit) => Math.exp(logit - logSum));
  return { best, probabilities, logLikelihood: dot(probabilities, logits) - logSum };
}

/** Adds a token's loss, the Kullback-Leibler divergence from the reference's probabilities, and whether the best agrees. */
function score(sums, logits, reference, target) {
  const { best, logSum } = logSumExp(logits);
  sums.loss += logSum - logits[target];
  sums.divergence += reference.logLikelihood - (dot(reference.probabilities, logits) - logSum);
  sums.same += best === reference.best ? 1 : 0;
}

function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function logSumExp(logits) {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - logits[best]);
  return { best, logSum: logits[best] + Math.log(sum) };
}

function print(candidates, count) {
  console.log(
    `${model}, ${count} tokens of ${file}${values.outliers ? `, outliers ${values.outliers}` : ''}`,
  );
  console.log('| weights | perplexity | against f32 | divergence | same most probable token |');
  console.log('| --- | --- | --- | --- | --- |');
  const perplexity = ({ sums }) => Math.exp(sums.loss / count);
  for (const candidate of candidates) {
    const { name, sums } = candidate;
    const rise = (100 * (perplexity(candidate) / perplexity(candidates[0]) - 1)).toFixed(2);
    const [divergence, same] = [(sums.divergence / count).toFixed(4), ((100 * sums.same) / count).toFixed(2)];
    console.log(`| ${name} | ${perplexity(candidate).toFixed(4)} | ${rise} % | ${divergence} | ${same} % |`);
  }
}
