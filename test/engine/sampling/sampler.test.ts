import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RandomNumbers } from '../../../src/engine/sampling/random.js';
import { DEFAULT_SAMPLING, type SamplingParams } from '../../../src/engine/sampling/sampling-params.js';
import { keptTokens } from './reference-sampler.js';
import { RowSampler } from './row-sampler.js';

const anyParams = fc
  .record({
    temperature: fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 2, noNaN: true })),
    topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3 }), fc.nat(1500)),
    topP: fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0.001, max: 0.999, noNaN: true })),
    minP: fc.oneof(
      fc.constant(0),
      fc.constant(1),
      fc.constant(1e-300),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: -60, max: 0, noNaN: true }).map(Math.exp),
    ),
  })
  .map((filters): SamplingParams => ({ ...DEFAULT_SAMPLING, ...filters }));

/** Rows of few distinct logits (ties), of many, flat and steep, some with excluded tokens. */
const anyRow = fc
  .record({
    size: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 100, max: 1400 })),
    spread: fc.constantFrom(0, 0.01, 1, 10, 100),
    steps: fc.constantFrom(2, 10, 1e6),
    excluded: fc.constantFrom(0, 0.5, 0.99),
    seed: fc.bigInt({ min: 0n, max: 2n ** 32n }),
  })
  .map((shape) => makeRow(shape));

describe('sampler', () => {
  it('chooses only what a full sort in float64 keeps', () => {
    fc.assert(
      fc.property(anyRow, anyParams, fc.nat(1e6), (row, params, position) => {
        const numbers = new RandomNumbers(1n).seek(0, position);
        expectKept(row, params, new RowSampler(row.length).sample(row, params, numbers));
      }),
      { numRuns: 1500 },
    );
  });

  it('gives each token its part of the random numbers, as a full sort in float64 does', () => {
    fc.assert(
      fc.property(anyRow, anyParams, (row, params) => {
        fc.pre(params.topP > 0 && params.topK !== 1); // those read no random number
        const kept = keptTokens(row, params);
        fc.pre(!endsAmidEquals(row, params));
        const counts = countDarts(row, params, 20_000);
        const numHits = [...counts.values()].reduce((sum, count) => sum + count, 0);
        for (const { id, from, to } of kept) {
          const part = to - from;
          // Each token has an interval of the numbers, and all others together err by their number.
          const tolerance = 2 + part * (kept.length + 2);
          expect(Math.abs((counts.get(id) ?? 0) - part * numHits)).toBeLessThanOrEqual(tolerance);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('draws from what a full sort in float64 keeps over a vocabulary of 50,257', () => {
    const sampler = new RowSampler(50_257);
    const numbers = new RandomNumbers(9n);
    const quantiles: number[] = [];
    for (let i = 0; i < 60; i += 1) {
      const row = makeRow({
        size: 50_257,
        spread: [0.5, 3, 8][i % 3]!,
        steps: 1e6,
        excluded: 0,
        seed: BigInt(i),
      });
      const params = {
        ...DEFAULT_SAMPLING,
        temperature: [0.3, 1, 2, 0.05][i % 4]!,
        topK: [0, 40, 300, 5000, 0, 20_000, 700][i % 7]!,
        topP: [1, 0.95, 0.5, 0.1][Math.floor(i / 3) % 4]!,
        minP: [0, 0.05, 1e-4, 1e-12, 0.9][i % 5]!,
      };
      const kept = new Map(keptTokens(row, params).map((token) => [token.id, token]));
      for (let draw = 0; draw < 40; draw += 1) {
        const token = kept.get(sampler.sample(row, params, numbers.seek(i, draw)));
        expect(token).toBeDefined();
        quantiles.push(token!.from + (token!.to - token!.from) * numbers.seek(i, 1000 + draw).next());
      }
    }
    // Kolmogorov and Smirnov: were they not uniform, it would exceed 1.63 once in a hundred times.
    quantiles.sort((a, b) => a - b);
    const worst = Math.max(...quantiles.map((value, i) => Math.abs(value - (i + 0.5) / quantiles.length)));
    expect(worst * Math.sqrt(quantiles.length)).toBeLessThan(1.63);
  });

  it('keeps what a full sort keeps where the sample misleads the guess of where top-k ends', () => {
    const size = 8000;
    const sampler = new RowSampler(size);
    fc.assert(
      fc.property(
        fc.constantFrom(-3, 0, 3), // by how much the tokens that the sample holds stand out
        fc.integer({ min: 64, max: size - 1 }),
        fc.constantFrom(0.5, 1, 2),
        fc.constantFrom(6, 1e6),
        (lift, topK, temperature, steps) => {
          const row = makeRow({ size, spread: 1, steps, excluded: 0, seed: BigInt(topK) });
          for (let id = 0; id < size; id += 16) row[id]! += lift;
          const params = { ...DEFAULT_SAMPLING, temperature, topK };
          const kept = new Set(keptTokens(row, params).map(({ id }) => id));
          const chosen = new Set(countDarts(row, params, 300, sampler).keys());
          for (const id of chosen) expect(kept.has(id)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it.each([0.2, 0.7, 1, 2])('draws from the softmax at temperature %d', (temperature) => {
    const row = makeRow({ size: 400, spread: 3, steps: 1e6, excluded: 0.1, seed: 5n });
    expect(chiSquareOf(row, { ...DEFAULT_SAMPLING, temperature })).toBeLessThan(5);
  });

  it.each([
    ['top-k', { topK: 30, topP: 1 }],
    ['top-p', { topK: 0, topP: 0.8 }],
    ['min-p', { minP: 0.2 }],
    ['min-p far down', { minP: 1e-3 }],
    ['all three', { topK: 50, topP: 0.8, minP: 0.02 }],
  ])('draws from the renormalised softmax with %s, and nothing outside it', (_, filter) => {
    const row = makeRow({ size: 400, spread: 2, steps: 50, excluded: 0, seed: 6n });
    expect(chiSquareOf(row, { ...DEFAULT_SAMPLING, ...filter })).toBeLessThan(5);
  });

  it('breaks ties by the lowest id', () => {
    const row = Float32Array.of(1, 3, 3, 2, 3, -0, 0);
    const sampler = new RowSampler(row.length);
    const everything = DEFAULT_SAMPLING;
    const numbers = new RandomNumbers(0n);
    for (const greedy of [{ temperature: 0 }, { topK: 1 }, { topP: 0 }]) {
      expect(sampler.sample(row, { ...everything, ...greedy }, numbers)).toBe(1);
    }
    expect(chosenIds(row, { topK: 2 })).toEqual([1, 2]);
    expect(chosenIds(row, { topP: 0.4 })).toEqual([1, 2]);
    expect(chosenIds(row, { topK: 6 })).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('keeps exactly k of tokens that are all alike, and the fewest that reach top-p', () => {
    const row = new Float32Array(1000).fill(-3);
    const first = (count: number) => Array.from({ length: count }, (_, id) => id);
    for (const topK of [4, 8, 300, 600, 999]) expect(chosenIds(row, { topK })).toEqual(first(topK));
    for (const topP of [0.25, 0.5, 0.75]) expect(chosenIds(row, { topK: 4, topP })).toEqual(first(4 * topP));
    expect(chosenIds(row, { topP: 0.0005 })).toEqual([0]);
  });

  it('keeps with min-p whatever reaches its part of the greatest probability, to the last bit, and nothing else', () => {
    const logit = Math.fround(1 + Math.log(0.25));
    const minP = Math.exp(logit - 1) * (1 - 1e-15);
    for (const [other, ids] of [
      [logit, [0, 1]],
      [Math.fround(logit - 2 ** -20), [0]],
    ] as const) {
      const row = new Float32Array(1000).fill(-20);
      row.set([1, other]);
      for (const topK of [0, 2, 300]) expect(chosenIds(row, { topK, minP })).toEqual(ids);
    }
    const ties = new Float32Array(1000).fill(-3);
    expect(chosenIds(ties, { minP: 1 })).toHaveLength(1000);
    expect(chosenIds(ties, { topK: 9, minP: 1 })).toHaveLength(9);
  });

  it('never chooses an excluded token', () => {
    const row = new Float32Array(1000).fill(-Infinity);
    row[700] = -1e30;
    const filters = [{}, { topK: 2 }, { topK: 500 }, { minP: 1e-300 }, { topK: 500, minP: 1 }, { topP: 0.9 }];
    for (const filter of filters) expect(chosenIds(row, { temperature: 2, ...filter })).toEqual([700]);
  });

  it('gives the same token for the same bits, whatever it chose before', () => {
    const fresh = () => new RowSampler(1000);
    const used = fresh();
    fc.assert(
      fc.property(anyParams, fc.bigInt({ min: 0n, max: 999n }), (params, seed) => {
        const row = makeRow({ size: 1000, spread: 3, steps: 1e6, excluded: 0, seed });
        const choose = (sampler: RowSampler) => sampler.sample(row, params, new RandomNumbers(seed));
        expect(choose(used)).toBe(choose(fresh()));
      }),
    );
  });

  it.each([
    [0, /NaN/],
    [77, /NaN/],
    [100, /NaN/],
  ])('says that the model produced NaN, at %d', (place, message) => {
    const row = new Float32Array(101);
    row[place] = Number.NaN;
    for (const params of [GREEDY, { ...GREEDY, temperature: 1 }, { ...GREEDY, temperature: 1, topK: 5 }]) {
      expect(() => new RowSampler(101).sample(row, params, NUMBERS)).toThrow(message);
    }
  });

  it('refuses a row that is no distribution', () => {
    expect(() => new RowSampler(3).sample(Float32Array.of(0, Infinity, 0), GREEDY, NUMBERS)).toThrow(
      /logit is Infinity/,
    );
    const nothing = new Float32Array(3).fill(-Infinity);
    expect(() => new RowSampler(3).sample(nothing, GREEDY, NUMBERS)).toThrow(/logit is -Infinity/);
  });
});

const GREEDY: SamplingParams = { ...DEFAULT_SAMPLING, temperature: 0 };
const NUMBERS = new RandomNumbers(0n);

interface RowShape {
  readonly size: number;
  readonly spread: number;
  readonly steps: number;
  readonly excluded: number;
  readonly seed: bigint;
}

function makeRow({ size, spread, steps, excluded, seed }: RowShape): Float32Array {
  const numbers = new RandomNumbers(seed);
  const random = (choice: number, id: number) => numbers.seek(choice, id).next();
  const row = Float32Array.from({ length: size }, (_, id) => {
    if (random(2, id) < excluded) return -Infinity;
    const bell = Math.sqrt(-2 * Math.log(1 - random(0, id))) * Math.cos(2 * Math.PI * random(1, id));
    return -30 + (Math.round((bell / 8) * steps) / steps) * 8 * spread;
  });
  row[Number(seed % BigInt(size))] = -30 + 2 * spread;
  return row;
}

function expectKept(row: Float32Array, params: SamplingParams, chosen: number): void {
  const kept = keptTokens(row, params);
  const place = kept.find(({ id }) => id === chosen) ?? nearlyKept(row, params, chosen);
  expect(place, `token ${chosen} is not among the ${kept.length} kept`).toBeDefined();
}

/** Thrown for a second random number. */
const MISSED = new Error('missed');

/** How often each token is chosen with the first of the random numbers, for numbers at equal distances. */
function countDarts(
  row: Float32Array,
  params: SamplingParams,
  numDarts: number,
  sampler = new RowSampler(row.length),
): Map<number, number> {
  const counts = new Map<number, number>();
  for (let dart = 0; dart < numDarts; dart += 1) {
    let next = (dart + 0.5) / numDarts;
    const numbers = {
      next() {
        if (next < 0) throw MISSED;
        const number = next;
        next = -1;
        return number;
      },
    };
    try {
      const id = sampler.sample(row, params, numbers);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    } catch (error) {
      if (error !== MISSED) throw error;
    }
  }
  return counts;
}

/** Whatever tokens of some weight can be chosen, in order. */
function chosenIds(row: Float32Array, params: Partial<SamplingParams>): number[] {
  return [...countDarts(row, { ...DEFAULT_SAMPLING, ...params }, 20_000).keys()].sort((a, b) => a - b);
}

/** Whether it hangs on a rounding how many tokens are kept. */
function endsAmidEquals(row: Float32Array, params: SamplingParams): boolean {
  const count = (factor: number) =>
    keptTokens(row, { ...params, topP: Math.min(1, params.topP * factor), minP: params.minP / factor })
      .length;
  return count(1 + 1e-6) !== count(1 - 1e-6);
}

/** A nucleus whose weight comes within rounding of top-p may end one token later; a token may be as near to min-p. */
function nearlyKept(row: Float32Array, params: SamplingParams, id: number) {
  const wider = { ...params, topP: Math.min(1, params.topP + 1e-9), minP: params.minP * (1 - 1e-9) };
  return keptTokens(row, wider).find((token) => token.id === id);
}

/** How many standard deviations the chi-square statistic of 10,000 draws is above its mean. */
function chiSquareOf(row: Float32Array, params: SamplingParams): number {
  const numDraws = 10_000;
  const sampler = new RowSampler(row.length);
  const numbers = new RandomNumbers(77n);
  const counts = new Map<number, number>();
  for (let draw = 0; draw < numDraws; draw += 1) {
    const id = sampler.sample(row, params, numbers.seek(0, draw));
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const kept = keptTokens(row, params);
  const ids = new Set(kept.map((token) => token.id));
  for (const id of counts.keys()) expect(ids.has(id)).toBe(true);
  const likely = kept.filter((token) => (token.to - token.from) * numDraws >= 5);
  const statistic = likely.reduce((sum, token) => {
    const expected = (token.to - token.from) * numDraws;
    return sum + ((counts.get(token.id) ?? 0) - expected) ** 2 / expected;
  }, 0);
  return (statistic - likely.length) / Math.sqrt(2 * likely.length);
}
