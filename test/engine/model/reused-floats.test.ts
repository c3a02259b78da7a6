import { describe, expect, it } from 'vitest';
import { ReusedFloats } from '../../../src/engine/model/reused-floats.js';

describe('memory that is used again', () => {
  it('is the same for all sizes up to the largest so far', () => {
    let numGrown = 0;
    const memory = new ReusedFloats(() => numGrown++);
    const large = memory.take(100);
    expect(memory.take(40).buffer).toBe(large.buffer);
    expect(memory.take(100).buffer).toBe(large.buffer);
    expect(memory.take(40)).toHaveLength(40);
    expect(numGrown).toBe(1);
    expect(memory.take(101).buffer).not.toBe(large.buffer);
    expect(numGrown).toBe(2);
  });

  it('is another after it was dropped', () => {
    let numGrown = 0;
    const memory = new ReusedFloats(() => numGrown++);
    const before = memory.take(10);
    memory.drop();
    expect(numGrown).toBe(2);
    expect(memory.take(10).buffer).not.toBe(before.buffer);
  });
});
