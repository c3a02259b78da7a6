import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RankedTokens } from '../../../src/engine/sampling/ranked-tokens.js';
import { BINS_PER_NAT, NUM_BINS, weightAt } from '../../../src/engine/sampling/softmax-weight.js';
import { WeightHistogram } from '../../../src/engine/sampling/weight-histogram.js';

const anyRow = fc
  .array(fc.oneof(fc.float({ min: -60, max: 5, noNaN: true }), fc.constant(-Infinity)), { maxLength: 60 })
  .map((logits) => Float32Array.from([...logits, 5])); // the greatest is known, and last

describe('weight histogram', () => {
  it.each([-Infinity, -3])(
    'has each token from %d on in a bin of its weight, and the weights of all of them',
    (least) => {
      fc.assert(
        fc.property(anyRow, fc.double({ min: 0.1, max: 2, noNaN: true }), (row, temperature) => {
          const histogram = filled(row, temperature, least);
          const weights = new Float64Array(NUM_BINS + 1);
          row.forEach((logit, id) => {
            const distance = logit >= least ? (5 - logit) * (BINS_PER_NAT / temperature) : Infinity;
            expect(histogram.binOf(id)).toBe(Math.min(Math.floor(distance), NUM_BINS));
            weights[histogram.binOf(id)]! += weightAt(distance);
          });
          let sum = 0;
          for (let bin = 0; bin <= NUM_BINS; bin += 1) {
            expect(histogram.massBefore(bin)).toBeCloseTo(sum, 12);
            sum += weights[bin]!;
          }
          expect(histogram.total).toBe(histogram.massBefore(NUM_BINS));
        }),
        { numRuns: 30 },
      );
    },
  );

  it('finds the bin in which a sum of weights lies', () => {
    fc.assert(
      fc.property(anyRow, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (row, share) => {
        const histogram = filled(row, 1);
        const mass = share * histogram.total;
        const exceeding = histogram.binExceeding(mass);
        expect(histogram.massBefore(exceeding)).toBeLessThanOrEqual(mass);
        expect(histogram.massBefore(exceeding + 1)).toBeGreaterThan(mass);
        fc.pre(mass > 0);
        const reaching = histogram.binReaching(mass);
        expect(histogram.massBefore(reaching)).toBeLessThan(mass);
        expect(histogram.massBefore(reaching + 1)).toBeGreaterThanOrEqual(mass);
      }),
    );
  });

  it('finds the bin of a rank', () => {
    fc.assert(
      fc.property(anyRow, fc.nat(), (row, n) => {
        const histogram = filled(row, 1);
        const rank = 1 + (n % row.length);
        const bin = histogram.binOfRank(rank);
        const bins = [...row.keys()].map((id) => histogram.binOf(id)).sort((a, b) => a - b);
        expect(bin).toBe(bins[rank - 1]);
        expect(histogram.countBefore(bin)).toBe(bins.indexOf(bin));
        expect(histogram.binOfRank(row.length + 1)).toBe(NUM_BINS);
      }),
    );
  });

  it('collects the tokens of bins, but for those that were excluded', () => {
    fc.assert(
      fc.property(anyRow, fc.nat(2000), fc.nat(1000), fc.nat(NUM_BINS - 1), (row, first, width, other) => {
        const histogram = filled(row, 1);
        histogram.exclude(0);
        const last = Math.min(first + width, NUM_BINS - 1);
        const found = new RankedTokens(row.length);
        histogram.collect({ first, last, other }, row, found);
        const expected = [...row.keys()].filter((id) => {
          const bin = histogram.binOf(id);
          return id !== 0 && ((bin >= first && bin <= last) || bin === other);
        });
        const ids = Array.from({ length: found.size }, (_, i) => found.id(i));
        expect(ids.sort((a, b) => a - b)).toEqual(expected);
      }),
    );
  });

  it('ends where it was truncated', () => {
    const histogram = filled(Float32Array.of(5, 4, 3, 2), 1);
    const bin = histogram.binOf(1);
    histogram.truncate(bin, 0.25);
    expect(histogram.total).toBe(histogram.massBefore(bin) + 0.25);
    expect(histogram.binReaching(histogram.total)).toBe(bin);
  });
});

function filled(row: Float32Array, temperature: number, least = -Infinity): WeightHistogram {
  const histogram = new WeightHistogram(row.length);
  histogram.fill(row, { maximum: 5, least, temperature });
  return histogram;
}
