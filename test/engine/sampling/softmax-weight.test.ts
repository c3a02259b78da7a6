import { describe, expect, it } from 'vitest';
import { BINS_PER_NAT, NUM_BINS, weightAt } from '../../../src/engine/sampling/softmax-weight.js';

describe('softmax weight', () => {
  it('is exp() to seven digits, over its whole range', () => {
    for (let distance = 0; distance < NUM_BINS; distance += 0.371) {
      const exact = Math.exp(-distance / BINS_PER_NAT);
      expect(Math.abs(weightAt(distance) / exact - 1)).toBeLessThan(1e-7);
    }
  });

  it('is 0 below the last bin, where a whole vocabulary weighs less than a step of the random number', () => {
    expect(weightAt(NUM_BINS)).toBe(0);
    expect(weightAt(Infinity)).toBe(0);
    expect(50_257 * Math.exp(-NUM_BINS / BINS_PER_NAT)).toBeLessThan(2 ** -53);
  });
});
