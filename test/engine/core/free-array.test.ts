import { describe, expect, it } from 'vitest';
import { freeArray } from '../../../src/engine/core/free-array.js';

describe('freeArray', () => {
  it('gives the memory back at once, and leaves the array and all views of its buffer empty', () => {
    const array = new Float32Array(16 * 2 ** 20);
    const view = array.subarray(1000);
    const before = process.memoryUsage().arrayBuffers;
    freeArray(array);
    expect(process.memoryUsage().arrayBuffers).toBeLessThanOrEqual(before - 60 * 2 ** 20);
    expect([array.length, view.length]).toEqual([0, 0]);
  });
});
