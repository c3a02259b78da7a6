import { describe, expect, it } from 'vitest';
import { NUM_OCTAVES, powerAbove, weightAt } from '../../../src/engine/sampling/softmax-weight.js';

describe('softmax weight', () => {
  it('is 2 ** -distance to eight digits, over its whole range', () => {
    for (let distance = 0; distance < NUM_OCTAVES; distance += 0.00371) {
      expect(Math.abs(weightAt(distance) / 2 ** -distance - 1)).toBeLessThan(6e-9);
    }
  });

  it('is just 1 for the most probable token', () => {
    expect(weightAt(0)).toBe(1);
  });

  it('exceeds half of the power of two above it, and never that', () => {
    for (let distance = 0; distance < NUM_OCTAVES; distance += 0.125) {
      expect(weightAt(distance)).toBeLessThanOrEqual(powerAbove(distance));
      expect(weightAt(distance)).toBeGreaterThan(powerAbove(distance) / 2);
    }
  });

  it('is 0 below the last octave, where a whole vocabulary weighs less than a step of the random number', () => {
    for (const distance of [NUM_OCTAVES, Infinity]) {
      expect(weightAt(distance)).toBe(0);
      expect(powerAbove(distance)).toBe(0);
    }
    expect(50_257 * 2 ** -NUM_OCTAVES).toBeLessThan(2 ** -53);
  });
});
