import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Extent, FreeSpace } from '../../../src/engine/kv-cache/free-space.js';

const SIZE = 64;
const action = fc.record({
  kind: fc.constantFrom('take', 'take', 'extend', 'give'),
  length: fc.integer({ min: 1, max: 20 }),
  pick: fc.nat(1000),
});

/** Where so many free positions begin, the lowest; -1 if nowhere. */
function lowestHole(isTaken: readonly boolean[], length: number): number {
  for (let start = 0; start + length <= SIZE; start++)
    if (!isTaken.slice(start, start + length).includes(true)) return start;
  return -1;
}

describe('FreeSpace', () => {
  it('takes the lowest free positions, and extends what is taken where nothing follows, whatever was given back', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
        const space = new FreeSpace(SIZE);
        const isTaken: boolean[] = Array.from({ length: SIZE }, () => false);
        const taken: Extent[] = [];
        for (const { kind, length, pick } of actions) {
          const at = pick % Math.max(1, taken.length);
          if (kind === 'take') {
            const start = lowestHole(isTaken, length);
            const extent = space.take(length);
            expect(extent).toEqual(start < 0 ? undefined : { start, length });
            if (extent === undefined) continue;
            taken.push(extent);
            isTaken.fill(true, start, start + length);
          } else if (taken.length > 0 && kind === 'give') {
            const [{ start, length: size }] = taken.splice(at, 1) as [Extent];
            space.give({ start, length: size });
            isTaken.fill(false, start, start + size);
          } else if (taken.length > 0) {
            const end = taken[at]!.start + taken[at]!.length;
            const isFree = end + length <= SIZE && !isTaken.slice(end, end + length).includes(true);
            const added = space.takeAt(end, length);
            expect(added).toEqual(isFree ? { start: end, length } : undefined);
            if (added === undefined) continue;
            taken[at] = { start: taken[at]!.start, length: taken[at]!.length + length };
            isTaken.fill(true, end, end + length);
          }
          expect(space.isWhole).toBe(!isTaken.includes(true));
        }
      }),
    );
  });
});
