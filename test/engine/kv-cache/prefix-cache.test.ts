import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NewKv } from '../../../src/engine/kv-cache/kv-store.js';
import { type CachedBlock, PrefixCache } from '../../../src/engine/kv-cache/prefix-cache.js';

const BLOCK = 4;

function rowsOf(numbers: readonly number[]): NewKv {
  return { parts: [Float32Array.from(numbers)], numRows: 1, numNewTokens: BLOCK };
}

/** Computes a whole prompt, as a sequence does that found nothing, and keeps its blocks. */
function compute(cache: PrefixCache, tokens: readonly number[]): void {
  const tokenIds = Int32Array.from(tokens);
  let previous: CachedBlock | undefined;
  for (let end = BLOCK; end <= tokens.length; end += BLOCK) {
    // The rows tell which tokens they stand for.
    previous = cache.insert({ previous, tokenIds, end, rows: rowsOf(tokens.slice(0, end)) });
  }
}

function matched(cache: PrefixCache, tokens: readonly number[]): number[][] {
  return cache.match(Int32Array.from(tokens), tokens.length).map(({ rows }) => [...rows.parts[0]!]);
}

describe('PrefixCache', () => {
  it('finds exactly the longest beginning that was computed', () => {
    const prompt = fc.array(fc.nat(1), { maxLength: 24 });
    fc.assert(
      fc.property(fc.array(prompt, { maxLength: 8 }), prompt, (computed, wanted) => {
        const cache = new PrefixCache(BLOCK);
        for (const tokens of computed) compute(cache, tokens);
        const shared = Math.max(0, ...computed.map((tokens) => wholeBlocksShared(tokens, wanted)));
        const found = matched(cache, wanted);
        expect(found).toEqual(Array.from({ length: shared }, (_, i) => wanted.slice(0, (i + 1) * BLOCK)));
      }),
    );
  });

  it('never forgets a block before those that continue it', () => {
    const prompt = fc.array(fc.nat(1), { minLength: 4, maxLength: 24 });
    fc.assert(
      fc.property(fc.array(prompt, { maxLength: 8 }), fc.nat(40), (prompts, maxPositions) => {
        const cache = new PrefixCache(BLOCK);
        for (const tokens of prompts) {
          compute(cache, tokens);
          cache.shrinkTo(maxPositions);
          expect(cache.numPositions).toBeLessThanOrEqual(maxPositions);
        }
        // Everything that is held can be found.
        const found = new Set(prompts.flatMap((tokens) => matched(cache, tokens)).map(String));
        expect(found.size * BLOCK).toBe(cache.numPositions);
      }),
    );
  });

  it('forgets what was used longest ago', () => {
    const cache = new PrefixCache(BLOCK);
    for (const first of [1, 2, 3]) compute(cache, [first, 0, 0, 0]);
    matched(cache, [1, 0, 0, 0]);
    cache.shrinkTo(2 * BLOCK);
    expect([1, 2, 3].map((first) => matched(cache, [first, 0, 0, 0]).length)).toEqual([1, 0, 1]);
  });

  it('does not keep a block that could not be found', () => {
    const cache = new PrefixCache(BLOCK);
    const tokenIds = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const rows = rowsOf([1]);
    const previous = cache.insert({ previous: undefined, tokenIds, end: 4, rows });
    cache.shrinkTo(0);
    expect(cache.insert({ previous, tokenIds, end: 8, rows })).toBeUndefined();
    expect(cache.insert({ previous: undefined, tokenIds, end: 8, rows })).toBeUndefined();
    expect(cache.numPositions).toBe(0);
  });
});

function wholeBlocksShared(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a[length] === b[length]) length++;
  return Math.floor(length / BLOCK);
}
