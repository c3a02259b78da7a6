import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom, drawLength, drawWait } from '../../src/load/random.js';

describe('random numbers of a load', () => {
  it('are in [0, 1), and the same for the same seed', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const [one, other] = [createRandom(seed), createRandom(seed)];
        for (let draw = 0; draw < 20; draw++) {
          const number = one();
          expect(number).toBe(other());
          expect(number >= 0 && number < 1).toBe(true);
        }
      }),
    );
  });

  it('become lengths within their range, both ends included', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.nat(1000), (low, more) => {
        const range = { low, high: low + more };
        expect(drawLength(range, () => 0)).toBe(range.low);
        expect(drawLength(range, () => 1 - 2 ** -32)).toBe(range.high);
      }),
    );
  });

  it('become waits of the mean that was asked for', () => {
    const random = createRandom(1);
    const waits = Array.from({ length: 20_000 }, () => drawWait(10, random));
    expect(waits.reduce((sum, ms) => sum + ms, 0) / waits.length).toBeCloseTo(10, 0);
  });
});
