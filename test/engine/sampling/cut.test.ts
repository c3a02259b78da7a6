import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toFloat32Above } from '../../../src/engine/sampling/cut.js';

describe('toFloat32Above', () => {
  it('gives the least number in single precision that is not below', () => {
    const bits = new Int32Array(1);
    const single = new Float32Array(bits.buffer);
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -3.4e38, max: 3.4e38 }), (value) => {
        const above = toFloat32Above(value);
        expect(Math.fround(above)).toBe(above);
        expect(above).toBeGreaterThanOrEqual(value);
        single[0] = above;
        bits[0]! += above > 0 ? -1 : 1;
        expect(above === 0 ? -(2 ** -149) : single[0]!).toBeLessThan(value);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    [0, 0],
    [1e-50, 2 ** -149],
    [-1e-50, -0],
    [1 + 2 ** -40, 1 + 2 ** -23],
    [-1 + 2 ** -40, -1 + 2 ** -24],
    [2 - 2 ** -40, 2],
    [-Infinity, -Infinity],
  ])('gives of %d %d', (value, expected) => {
    expect(toFloat32Above(value)).toBe(expected);
  });
});
