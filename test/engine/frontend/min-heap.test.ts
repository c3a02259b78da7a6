import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MinHeap } from '../../../src/engine/frontend/min-heap.js';

describe('min heap', () => {
  it('gives the least of what it holds, whatever was put in and taken out before', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 50 }))), (steps) => {
        const heap = new MinHeap(steps.length);
        const held: number[] = [];
        for (const step of steps) {
          if (step !== null) {
            heap.push(step);
            held.push(step);
          } else if (held.length > 0) {
            const least = Math.min(...held);
            held.splice(held.indexOf(least), 1);
            expect(heap.pop()).toBe(least);
          }
          expect(heap.size).toBe(held.length);
        }
      }),
    );
  });
});
