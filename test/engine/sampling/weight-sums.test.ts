import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { justAbove } from '../../../src/engine/sampling/cut.js';
import { weightAt } from '../../../src/engine/sampling/softmax-weight.js';
import { addWeights, NUM_KINDS, NUM_LANES } from '../../../src/engine/sampling/weight-sums.js';

const anyLogit = fc.oneof(fc.float({ min: -60, max: 5, noNaN: true }), fc.constantFrom(-Infinity, -1, 0));

describe('weight sums', () => {
  it('tell apart by two thresholds what a piece of a row weighs', () => {
    fc.assert(
      fc.property(fc.array(anyLogit), fc.nat(3), anyLogit, anyLogit, (values, start, a, b) => {
        const logits = Float32Array.from([0, 0, 0, ...values]);
        const row = { logits, maximum: 5, scale: 100 };
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const sums = new Float64Array(NUM_LANES * NUM_KINDS);
        addWeights(sums, row, { start, end: logits.length, low, high });
        const expected = [0, 0, 0];
        for (const logit of logits.subarray(start)) {
          expected[Number(logit >= low) + Number(logit >= high)]! += weightAt((5 - logit) * 100);
        }
        const actual = [0, 1, 2].map((kind) =>
          sums.filter((_, i) => i % NUM_KINDS === kind).reduce((sum, weight) => sum + weight, 0),
        );
        for (const kind of [0, 1, 2]) {
          expect(Math.abs(actual[kind]! - expected[kind]!)).toBeLessThanOrEqual(1e-9 * expected[kind]!);
        }
      }),
    );
  });

  it('can be told apart just above any logit', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true, max: Math.fround(1e38) }), (logit) => {
        const above = justAbove(logit);
        expect(above).toBeGreaterThan(logit);
        // Zeros of either sign are one logit.
        expect(Math.fround(above - (above - logit) / 2) === Math.fround(logit)).toBe(true);
      }),
    );
  });
});
