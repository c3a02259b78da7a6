import { describe, expect, it } from 'vitest';
import { freeArrays } from '../../../src/engine/core/free-arrays.js';

describe('freeArrays', () => {
  it('gives the memory back at once, and leaves the arrays and all views of their buffers empty', () => {
    const arrays = [new Float32Array(16 * 2 ** 20), new Int8Array(2 ** 20)];
    const view = arrays[0]!.subarray(1000);
    const before = process.memoryUsage().arrayBuffers;
    freeArrays(arrays);
    expect(process.memoryUsage().arrayBuffers).toBeLessThanOrEqual(before - 65 * 2 ** 20);
    expect([...arrays, view].map(({ length }) => length)).toEqual([0, 0, 0]);
  });
});
