import { describe, expect, it } from 'vitest';
import { Lookup } from '../../../src/engine/scheduling/lookup.js';

/** Drafts once behind these tokens. */
function draft(lookup: Lookup, tokens: readonly number[], maxDrafts = 7): number[] {
  const tokenIds = new Int32Array(tokens.length + maxDrafts);
  tokenIds.set(tokens);
  const count = lookup.draft(tokenIds, tokens.length, maxDrafts);
  return [...tokenIds.subarray(tokens.length, tokens.length + count)];
}

/** A lookup that has earned its longest drafts. */
function confident(): Lookup {
  const lookup = new Lookup();
  lookup.learn(1, 1);
  lookup.learn(3, 3);
  return lookup;
}

describe('Lookup', () => {
  it('drafts what followed the latest earlier occurrence of the ending', () => {
    expect(draft(confident(), [1, 2, 3, 40, 5, 1, 2, 3, 41, 6, 7, 1, 2, 3])).toEqual([41, 6, 7, 1, 2, 3, 41]);
  });

  it('prefers a longer ending to a later one', () => {
    expect(draft(confident(), [9, 1, 2, 50, 8, 1, 2, 60, 9, 1, 2], 1)).toEqual([50]);
  });

  it('goes on beyond the end of a text that repeats itself', () => {
    expect(draft(confident(), [1, 2, 1, 2, 1, 2])).toEqual([1, 2, 1, 2, 1, 2, 1]);
  });

  it('drafts nothing for an ending that never occurred, or without room', () => {
    expect(draft(confident(), [1, 2, 3, 4, 5])).toEqual([]);
    expect(draft(confident(), [1])).toEqual([]);
    expect(draft(confident(), [1, 2, 1, 2], 0)).toEqual([]);
  });

  it('drafts more while drafts hold, and an odd number', () => {
    const lookup = new Lookup();
    const lengths = [1, 1, 1, 1].map(() => {
      const { length } = draft(lookup, [1, 1, 1, 1], 15);
      lookup.learn(length, length);
      return length;
    });
    expect(lengths).toEqual([1, 3, 7, 15]);
  });

  it('pauses longer and longer while drafts fail, and starts again when one holds', () => {
    const lookup = new Lookup();
    const pauseAfterFailure = () => {
      lookup.learn(1, 0);
      let pause = 0;
      while (draft(lookup, [1, 1, 1, 1]).length === 0) pause++;
      return pause;
    };
    expect([1, 2, 3, 4].map(pauseAfterFailure)).toEqual([1, 2, 4, 8]);
    lookup.learn(1, 1);
    expect(pauseAfterFailure()).toBe(1);
  });
});
