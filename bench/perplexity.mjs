// What quantization costs: perplexity on held-out text, and how often the most probable token stays the same, for every
// precision. `node bench/perplexity.mjs [CHECKPOINT] [TEXT]`
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTokenizer } from '../dist/engine/frontend/tokenizer.js';
import { capacitiesFor } from '../dist/engine/kv-cache/slot-table.js';
import { openCheckpoint } from '../dist/engine/model/checkpoint.js';
import { buildGpt2Graph } from '../dist/engine/model/gpt2-graph.js';
import { ModelRunner } from '../dist/engine/model/model-runner.js';
import { openQuantizedWeights } from '../dist/engine/model/quantized-cache.js';
import { createSession } from '../dist/engine/model/session.js';
import { Sequence } from '../dist/engine/scheduling/sequence.js';

const [directory = 'models/fable', file = 'test/fixtures/held-out.txt'] = process.argv.slice(2);
const CHUNK = 64;
const SCHEMES = [
  ['f32', undefined],
  ['q8, blocks of 128', { bits: 8, blockSize: 128 }],
  ['q8, blocks of 32', { bits: 8, blockSize: 32 }],
  ['q4, blocks of 128', { bits: 4, blockSize: 128 }],
  ['q4, blocks of 32', { bits: 4, blockSize: 32 }],
];

const checkpoint = openCheckpoint(directory);
const { config } = checkpoint;
const tokenizer = await createTokenizer();
const documents = readFileSync(file, 'utf8').split('<|endoftext|>');
const windows = documents.flatMap((text) =>
  cut([config.endOfTextId, ...tokenizer.encode(text.trim(), 1e6).ids]),
);
const cache = mkdtempSync(join(tmpdir(), 'linnet-perplexity-'));

try {
  console.log(`${directory}, ${windows.reduce((sum, { length }) => sum + length - 1, 0)} tokens of ${file}`);
  console.log('| weights | perplexity | against f32 | same most probable token |\n| --- | --- | --- | --- |');
  let reference;
  for (const [name, scheme] of SCHEMES) {
    const result = await measure(scheme);
    reference ??= result;
    const rise = (100 * (result.perplexity / reference.perplexity - 1)).toFixed(2);
    const same = result.best.filter((id, i) => id === reference.best[i]).length / result.best.length;
    console.log(`| ${name} | ${result.perplexity.toFixed(4)} | ${rise} % | ${(100 * same).toFixed(2)} % |`);
  }
} finally {
  rmSync(cache, { recursive: true });
}

/** Cuts a document into pieces that fit the context; each predicts from its second token on. */
function cut(ids) {
  const pieces = [];
  for (let start = 0; start + 1 < ids.length; start += config.contextLength - 1) {
    pieces.push(ids.slice(start, start + config.contextLength));
  }
  return pieces;
}

async function measure(scheme) {
  const weights = scheme
    ? openQuantizedWeights(checkpoint, scheme, { directory: cache, onProgress: () => {} })
    : checkpoint.weights;
  const graph = buildGpt2Graph({ config, weights, quantization: scheme });
  const session = await createSession(graph, { directory: scheme ? cache : directory, numThreads: 2 });
  const capacities = capacitiesFor(config.contextLength);
  const kvLimits = { maxSequences: 1, maxPositions: capacities.at(-1) };
  const runner = new ModelRunner({ session, config, capacities, kvLimits, rowMultiple: scheme && 2 });
  const best = [];
  let [total, count] = [0, 0];
  for (const ids of windows) {
    const request = { id: 0, prompts: [Int32Array.from(ids)], maxTokens: 1, sampling: {}, numCandidates: 1 };
    const sequence = new Sequence(request, 0, { arrivedAtMs: 0, lookup: false });
    while (sequence.numComputedTokens < ids.length) {
      const start = sequence.numComputedTokens;
      const numNewTokens = Math.min(CHUNK, ids.length - start);
      const firstSlot = { classIndex: capacities.length - 1, index: 0 };
      const batch = {
        sequences: [sequence],
        firstSlot,
        capacity: capacities.at(-1),
        numNewTokens,
        moves: [],
      };
      const { logits } = await runner.run(
        batch,
        Array.from({ length: numNewTokens }, (_, row) => row),
      );
      for (let row = 0; row < numNewTokens && start + row + 1 < ids.length; row++, count++) {
        const scores = logits.subarray(row * config.vocabSize, (row + 1) * config.vocabSize);
        const { loss, argmax } = score(scores, ids[start + row + 1]);
        total += loss;
        best.push(argmax);
      }
      sequence.numComputedTokens += numNewTokens;
    }
  }
  await runner.release();
  return { perplexity: Math.exp(total / count), best };
}

function score(logits, target) {
  let argmax = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[argmax]) argmax = i;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - logits[argmax]);
  return { loss: Math.log(sum) + logits[argmax] - logits[target], argmax };
}
