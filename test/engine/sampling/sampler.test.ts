import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/engine/sampling/random.js';
import { Sampler } from '../../../src/engine/sampling/sampler.js';
import { DEFAULT_SAMPLING, type SamplingParams } from '../../../src/engine/sampling/sampling-params.js';
import { keptTokens } from './reference-sampler.js';

/** How far the sampler's weights may be from exact ones: a random number this near to a border may fall on either side. */
const TOLERANCE = 1e-6;

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
  it('chooses what a full sort in float64 chooses', () => {
    fc.assert(
      fc.property(
        anyRow,
        anyParams,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (row, params, u) => {
          const id = new Sampler(row.length).sample(row, params, u);
          expectAgreement(row, params, { id, random: u });
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('chooses what a full sort in float64 chooses over a vocabulary of 50,257', () => {
    const sampler = new Sampler(50_257);
    const random = createRandom(9n);
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
        topP: [1, 0.95, 0.5][i % 3]!,
        minP: [0, 0.05, 1e-4, 1e-12, 0.9][i % 5]!,
      };
      const kept = keptTokens(row, params);
      for (let draw = 0; draw < 20; draw += 1) {
        const u = random(i, draw);
        const id = sampler.sample(row, params, u);
        const place = kept.find((token) => token.id === id);
        expect(place && place.from - TOLERANCE <= u && u <= place.to + TOLERANCE).toBe(true);
      }
    }
  });

  it('chooses what a full sort chooses where the sample misleads the guess of where top-k ends', () => {
    const size = 8000;
    const sampler = new Sampler(size);
    fc.assert(
      fc.property(
        fc.constantFrom(-3, 0, 3), // by how much the tokens that the sample holds stand out
        fc.integer({ min: 64, max: size / 4 }),
        fc.constantFrom(0.5, 1, 2),
        fc.constantFrom(0.3, 0.9, 0.99, 0.999, 1 - 2 ** -53),
        (lift, topK, temperature, u) => {
          const row = makeRow({ size, spread: 1, steps: 1e6, excluded: 0, seed: BigInt(topK) });
          for (let id = 0; id < size; id += 16) row[id]! += lift;
          const params = { ...DEFAULT_SAMPLING, temperature, topK };
          expectAgreement(row, params, { id: sampler.sample(row, params, u), random: u });
        },
      ),
      { numRuns: 200 },
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
    const sampler = new Sampler(row.length);
    const everything = DEFAULT_SAMPLING;
    expect(sampler.sample(row, { ...everything, temperature: 0 }, 0.99)).toBe(1);
    expect(sampler.sample(row, { ...everything, topK: 1 }, 0.99)).toBe(1);
    expect(sampler.sample(row, { ...everything, topP: 0 }, 0.99)).toBe(1);
    expect(sampler.sample(row, { ...everything, topK: 2 }, 0.99)).toBe(2);
    expect(sampler.sample(row, { ...everything, topP: 0.4 }, 0.99)).toBe(2);
    expect(sampler.sample(row, { ...everything, topK: 6 }, 1 - 2 ** -53)).toBe(5);
  });

  it('keeps exactly k of tokens that are all alike, and the fewest that reach top-p', () => {
    const row = new Float32Array(1000).fill(-3);
    const sampler = new Sampler(row.length);
    const most = 1 - 2 ** -53;
    const everything = DEFAULT_SAMPLING;
    for (const topK of [4, 8, 600, 999])
      expect(sampler.sample(row, { ...everything, topK }, most)).toBe(topK - 1);
    for (const topP of [0.25, 0.5, 0.75]) {
      expect(sampler.sample(row, { ...everything, topK: 4, topP }, most)).toBe(4 * topP - 1);
    }
  });

  it('keeps with min-p whatever reaches its part of the greatest probability, to the last bit, and nothing else', () => {
    const sampler = new Sampler(1000);
    const most = 1 - 2 ** -53;
    const logit = Math.fround(1 + Math.log(0.25));
    for (const [other, chosen] of [
      [logit, 1],
      [Math.fround(logit - 2 ** -20), 0],
    ] as const) {
      const row = new Float32Array(1000).fill(-20);
      row.set([1, other]);
      const minP = Math.exp(logit - 1) * (1 - 1e-15);
      for (const topK of [0, 2, 300])
        expect(sampler.sample(row, { ...DEFAULT_SAMPLING, topK, minP }, most)).toBe(chosen);
    }
    const ties = new Float32Array(1000).fill(-3);
    expect(sampler.sample(ties, { ...DEFAULT_SAMPLING, minP: 1 }, most)).toBe(999);
    expect(sampler.sample(ties, { ...DEFAULT_SAMPLING, topK: 9, minP: 1 }, most)).toBe(8);
  });

  it('never chooses an excluded token, whatever the random number', () => {
    const row = new Float32Array(1000).fill(-Infinity);
    row[700] = -1e30;
    for (const [topK, minP] of [
      [0, 0],
      [2, 0],
      [500, 0],
      [0, 1e-300],
      [500, 1],
    ] as const) {
      for (const u of [0, 0.5, 1 - 2 ** -53]) {
        expect(new Sampler(1000).sample(row, { ...DEFAULT_SAMPLING, temperature: 2, topK, minP }, u)).toBe(
          700,
        );
      }
    }
  });

  it('gives the same token for the same bits, whatever it chose before', () => {
    const fresh = () => new Sampler(1000);
    const used = fresh();
    fc.assert(
      fc.property(anyParams, fc.bigInt({ min: 0n, max: 999n }), (params, seed) => {
        const row = makeRow({ size: 1000, spread: 3, steps: 1e6, excluded: 0, seed });
        const u = createRandom(seed)(0, 0);
        expect(used.sample(row, params, u)).toBe(fresh().sample(row, params, u));
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
      expect(() => new Sampler(101).sample(row, params, 0.5)).toThrow(message);
    }
  });

  it('refuses a row that is no distribution', () => {
    expect(() => new Sampler(3).sample(Float32Array.of(0, Infinity, 0), GREEDY, 0)).toThrow(
      /logit is Infinity/,
    );
    const nothing = new Float32Array(3).fill(-Infinity);
    expect(() => new Sampler(3).sample(nothing, GREEDY, 0)).toThrow(/logit is -Infinity/);
  });
});

const GREEDY: SamplingParams = { ...DEFAULT_SAMPLING, temperature: 0 };

interface RowShape {
  readonly size: number;
  readonly spread: number;
  readonly steps: number;
  readonly excluded: number;
  readonly seed: bigint;
}

function makeRow({ size, spread, steps, excluded, seed }: RowShape): Float32Array {
  const random = createRandom(seed);
  const row = Float32Array.from({ length: size }, (_, id) => {
    if (random(2, id) < excluded) return -Infinity;
    const bell = Math.sqrt(-2 * Math.log(1 - random(0, id))) * Math.cos(2 * Math.PI * random(1, id));
    return -30 + (Math.round((bell / 8) * steps) / steps) * 8 * spread;
  });
  row[Number(seed % BigInt(size))] = -30 + 2 * spread;
  return row;
}

/** Greedy and empty nuclei come down to one token; otherwise the chosen one's interval must hold the random number. */
function expectAgreement(
  row: Float32Array,
  params: SamplingParams,
  draw: { id: number; random: number },
): void {
  const kept = keptTokens(row, params);
  const place = kept.find((token) => token.id === draw.id) ?? nearlyKept(row, params, draw.id);
  expect(place, `token ${draw.id} is not among the ${kept.length} kept`).toBeDefined();
  expect(place!.from - TOLERANCE).toBeLessThanOrEqual(draw.random);
  expect(place!.to + TOLERANCE).toBeGreaterThanOrEqual(draw.random);
}

/** A nucleus whose weight comes within rounding of top-p may end one token later; a token may be as near to min-p. */
function nearlyKept(row: Float32Array, params: SamplingParams, id: number) {
  const wider = { ...params, topP: Math.min(1, params.topP + 1e-9), minP: params.minP * (1 - 1e-9) };
  return keptTokens(row, wider).find((token) => token.id === id);
}

/** How many standard deviations the chi-square statistic of 10,000 draws is above its mean. */
function chiSquareOf(row: Float32Array, params: SamplingParams): number {
  const numDraws = 10_000;
  const sampler = new Sampler(row.length);
  const random = createRandom(77n);
  const counts = new Map<number, number>();
  for (let draw = 0; draw < numDraws; draw += 1) {
    const id = sampler.sample(row, params, random(0, draw));
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
