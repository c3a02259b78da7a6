import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/engine/sampling/random.js';
import { RowSample, seemsToKeepMost } from '../../../src/engine/sampling/row-sample.js';

const VOCAB_SIZE = 50_257;
const random = createRandom(3n);
const uniform = Float32Array.from({ length: VOCAB_SIZE }, (_, id) => -20 * random(0, id));

const numReaching = (threshold: number) => uniform.filter((logit) => logit >= threshold).length;

describe('row sample', () => {
  it.each([257, 500, 2000, 12_000])(
    'guesses a logit that %d tokens reach, and not twice as many and 300',
    (count) => {
      const guess = new RowSample().lowerBound(count, uniform, { least: -48, maximum: 0 });
      expect(numReaching(guess)).toBeGreaterThanOrEqual(count);
      expect(numReaching(guess)).toBeLessThanOrEqual(2 * count + 300);
    },
  );

  it('guesses no less than the least, which it gives where too few reach more', () => {
    const sample = new RowSample();
    expect(sample.lowerBound(500, uniform, { least: -0.1, maximum: 0 })).toBe(-0.1);
    expect(sample.lowerBound(500, uniform, { least: 0, maximum: 0 })).toBe(0);
    const excluded = new Float32Array(1000).fill(-Infinity);
    excluded[0] = 0;
    expect(sample.lowerBound(500, excluded, { least: -48, maximum: 0 })).toBe(-48);
  });

  it('sees whether most tokens reach a threshold', () => {
    expect(seemsToKeepMost(-20, uniform)).toBe(true);
    expect(seemsToKeepMost(-19.5, uniform)).toBe(true);
    expect(seemsToKeepMost(-10, uniform)).toBe(false);
    expect(seemsToKeepMost(0, uniform)).toBe(false);
  });
});
