// Times one choice over GPT-2's vocabulary, changes to the logits included: `npm run build && node bench/sampler.mjs [ROUNDS]`.
// Prints medians in microseconds for logits of the embedded model, for a narrow bell (flat) and for a wide one (steep).
// The columns of four digits are a checksum of the tokens: they change with SAMPLER_VERSION, and not otherwise.
// The sequence that penalties see is half of GPT-2's context of prompt and half of completion.
import { LogitsProcessor } from '../dist/engine/sampling/logits-processor.js';
import { RandomNumbers } from '../dist/engine/sampling/random.js';
import { createRowKernels } from '../dist/engine/sampling/row-kernels.js';
import { readLogprob } from '../dist/engine/sampling/row-logprob.js';
import { Sampler } from '../dist/engine/sampling/sampler.js';
import { DEFAULT_SAMPLING } from '../dist/engine/sampling/sampling-params.js';
import { modelRows, normalRows } from './support/logit-rows.mjs';
import { machineLine } from './support/machine.mjs';
import { interleave } from './support/rounds.mjs';
import { median } from './support/statistics.mjs';

const VOCAB_SIZE = 50_257;
const NUM_ROWS = 100;
const ROUNDS = Number(process.argv[2] ?? 20);
const HISTORY = 512;

const penalties = { presencePenalty: 0.5, frequencyPenalty: 0.3, repetitionPenalty: 1.2 };
const logitBias = new Map(Array.from({ length: 1024 }, (_, index) => [index * 49, index % 2 ? 1 : -100]));
const everything = { ...penalties, logitBias, temperature: 0.8, topP: 0.95, minTokens: 9_999 };
const MIXES = {
  greedy: { temperature: 0 },
  'temperature 0.3': { temperature: 0.3 },
  'temperature 1': {},
  'temperature 2': { temperature: 2 },
  'top-k 40': { topK: 40 },
  'top-k 257': { topK: 257 },
  'top-k 500': { topK: 500 },
  'top-k 5,000': { topK: 5_000 },
  'top-k 40,000': { topK: 40_000 },
  'top-p 0.95': { topP: 0.95 },
  'top-p 0.5': { topP: 0.5 },
  'top-p 0.1': { topP: 0.1 },
  'top-p 0.95, temperature 2': { topP: 0.95, temperature: 2 },
  'top-k 40, top-p 0.95': { topK: 40, topP: 0.95 },
  'top-k 5,000, top-p 0.95': { topK: 5_000, topP: 0.95 },
  'top-k 40,000, top-p 0.95': { topK: 40_000, topP: 0.95 },
  'min-p 0.05': { minP: 0.05 },
  'min-p 0.001': { minP: 1e-3 },
  'min-p 0.00001': { minP: 1e-5 },
  'greedy, penalties': { ...penalties, temperature: 0 },
  'penalties, top-p 0.95': { ...penalties, topP: 0.95 },
  '1,024 biases': { logitBias },
  'all at once': { ...everything, topK: 5_000, minP: 1e-4 },
  'all at once, top-k 40': { ...everything, topK: 40, minP: 0.01 },
};

const ROWS = [
  await modelRows('models/fable', NUM_ROWS),
  normalRows(1, NUM_ROWS, VOCAB_SIZE),
  normalRows(3, NUM_ROWS, VOCAB_SIZE),
];
const numbers = new RandomNumbers(1n);
const kernels = createRowKernels(VOCAB_SIZE);
const sampler = new Sampler(kernels);
const row = new Float32Array(VOCAB_SIZE);

const measures = [
  { name: '(a plain maximum)', run: plainMaximum },
  ...Object.entries(MIXES).map(([name, changes]) => {
    return { name, run: choose({ ...DEFAULT_SAMPLING, ...changes }) };
  }),
  ...[0, 20].map((numTop) => ({ name: `logprobs, top ${numTop}`, run: () => rankOfFirst(numTop) })),
].flatMap(({ name, run }) => ROWS.map((rows) => ({ name, run: () => timeRows(rows, run) })));

console.log(machineLine());
const samples = await interleave(
  measures.map(({ run }) => run),
  { rounds: ROUNDS, mayBegin: () => true },
);
console.log(
  `${''.padEnd(26)} ${['fable', 'flat', 'steep'].map((kind) => kind.padStart(6).padEnd(12)).join('')}`,
);
for (let first = 0; first < measures.length; first += ROWS.length) {
  const cells = samples.slice(first, first + ROWS.length).map((rounds) => {
    const time = median(rounds.flatMap(({ times }) => times)) * 1000;
    return `${time.toFixed(0).padStart(6)} ${rounds[0].checksum.toString(16).padStart(4, '0').padEnd(5)}`;
  });
  console.log(`${measures[first].name.padEnd(26)} ${cells.join('')}`);
}

/** Times each row by itself, and makes a number of what came out. */
function timeRows(rows, run) {
  const times = [];
  let checksum = 0;
  for (const [index, logits] of rows.entries()) {
    row.set(logits);
    const start = performance.now();
    const result = run(index);
    times.push(performance.now() - start);
    checksum = (checksum * 31 + result) % 65_521;
  }
  return { times, checksum };
}

function choose(params) {
  const promptIds = Int32Array.from({ length: HISTORY }, (_, i) => numbers.seek(1, i).next() * VOCAB_SIZE);
  const processor = new LogitsProcessor(params, { promptIds, endIds: [50_256] });
  for (let i = 0; i < HISTORY; i += 1) processor.append(Math.floor(numbers.seek(2, i).next() * VOCAB_SIZE));
  return (index) => {
    kernels.logits.set(row);
    processor.apply(kernels.logits);
    return sampler.sample(params, numbers.seek(0, index));
  };
}

function rankOfFirst(numTop) {
  kernels.logits.set(row);
  return readLogprob(kernels, 0, numTop).rank;
}

/** What one look at each logit costs on this machine at this moment. */
function plainMaximum() {
  let maximum = -Infinity;
  for (let id = 0; id < row.length; id += 1) if (row[id] > maximum) maximum = row[id];
  return Math.round(Math.abs(maximum) * 1000);
}
