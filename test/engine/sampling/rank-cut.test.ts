import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RankCut } from '../../../src/engine/sampling/rank-cut.js';
import { createRowKernels } from '../../../src/engine/sampling/row-kernels.js';

const FLOAT32_MAX = 2 ** 128 - 2 ** 104;

const anyRow = fc.oneof(
  fc.array(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constantFrom(-Infinity, -0)), {
    minLength: 1,
    maxLength: 60,
  }),
  fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 3000 }),
);

describe('rank cut', () => {
  it('keeps as many tokens as it is asked for, the greatest, and of equal ones the first, whatever is guessed', () => {
    fc.assert(
      fc.property(anyRow, fc.nat(), fc.tuple(fc.nat(), fc.nat()), (logits, n, guesses) => {
        const row = Float32Array.from(logits);
        const kernels = createRowKernels(row.length);
        kernels.logits.set(row);
        const order = [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b);
        const count = 1 + (n % row.length);
        const [low, high] = guesses.map((guess) => row[order[guess % row.length]!]!).sort((a, b) => a - b);
        const least = -FLOAT32_MAX; // no more than what a row has but for minus infinity
        const cut = new RankCut(kernels).find(count, { least, low: Math.max(least, low!), high: high! });
        const kept = order.filter((id) => row[id]! > cut.least || (row[id] === cut.least && id <= cut.last));
        expect(kept).toEqual(order.slice(0, count).filter((id) => row[id]! >= least));
      }),
      { numRuns: 500 },
    );
  });
});
