// Times one choice over GPT-2's vocabulary, changes to the logits included: `npm run build && node bench/sampler.mjs`.
// Prints medians of 2,000. The sequence that penalties see is half of GPT-2's context of prompt and half of completion.
import { LogitsProcessor } from '../dist/engine/sampling/logits-processor.js';
import { createRandom } from '../dist/engine/sampling/random.js';
import { Sampler } from '../dist/engine/sampling/sampler.js';
import { DEFAULT_SAMPLING } from '../dist/engine/sampling/sampling-params.js';

const VOCAB_SIZE = 50_257;
const NUM_CALLS = 2_000;
const HISTORY = 512;

const everything = DEFAULT_SAMPLING;
const penalties = { presencePenalty: 0.5, frequencyPenalty: 0.3, repetitionPenalty: 1.2 };
const logitBias = new Map(Array.from({ length: 1024 }, (_, index) => [index * 49, index % 2 ? 1 : -100]));
const CASES = {
  greedy: { ...everything, temperature: 0 },
  'temperature 1': everything,
  'temperature 0.7': { ...everything, temperature: 0.7 },
  'temperature 2': { ...everything, temperature: 2 },
  'top-k 40': { ...everything, topK: 40 },
  'top-k 500': { ...everything, topK: 500 },
  'top-k 5,000': { ...everything, topK: 5_000 },
  'top-p 0.95': { ...everything, topP: 0.95 },
  'top-k 40, top-p 0.95': { ...everything, topK: 40, topP: 0.95 },
  'top-k 5,000, top-p 0.95': { ...everything, topK: 5_000, topP: 0.95 },
  'min-p 0.05': { ...everything, minP: 0.05 },
  'min-p 0.0001': { ...everything, minP: 1e-4 },
  'greedy, penalties': { ...everything, ...penalties, temperature: 0 },
  '1,024 biases': { ...everything, logitBias },
  'all at once': {
    ...everything,
    ...penalties,
    logitBias,
    temperature: 0.8,
    topK: 5_000,
    topP: 0.95,
    minP: 1e-4,
    minTokens: 9_999,
  },
  'all at once, top-k 40': {
    ...everything,
    ...penalties,
    logitBias,
    temperature: 0.8,
    topK: 40,
    topP: 0.95,
    minP: 0.01,
    minTokens: 9_999,
  },
};

/** Rows like GPT-2's: a bell around -35, three wide, and a few tokens that stand out. */
function makeRow(index) {
  const random = createRandom(BigInt(index));
  const row = Float32Array.from({ length: VOCAB_SIZE }, (_, id) => {
    const radius = Math.sqrt(-2 * Math.log(1 - random(0, id)));
    return -35 + 3 * radius * Math.cos(2 * Math.PI * random(1, id));
  });
  for (let i = 0; i < 5; i += 1) row[Math.floor(random(2, i) * VOCAB_SIZE)] += 12;
  return row;
}

const rows = Array.from({ length: 20 }, (_, index) => makeRow(index));
const sampler = new Sampler(VOCAB_SIZE);
const random = createRandom(1n);

const row = new Float32Array(VOCAB_SIZE);
const promptIds = Int32Array.from({ length: HISTORY }, (_, position) => random(1, position) * VOCAB_SIZE);

for (const [name, params] of Object.entries(CASES)) {
  const times = [];
  const processor = new LogitsProcessor(params, { promptIds, endIds: [50_256] });
  for (let position = 0; position < HISTORY; position += 1)
    processor.append(Math.floor(random(2, position) * VOCAB_SIZE));
  for (let call = 0; call < NUM_CALLS; call += 1) {
    row.set(rows[call % rows.length]);
    const start = performance.now();
    processor.apply(row);
    sampler.sample(row, params, random(0, call));
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const [median, p99] = [times[NUM_CALLS / 2], times[Math.floor(NUM_CALLS * 0.99)]];
  console.log(`${name.padEnd(24)} median ${median.toFixed(3)} ms   p99 ${p99.toFixed(3)} ms`);
}
