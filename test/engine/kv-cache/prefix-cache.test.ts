import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numWholeChunks } from '../../../src/engine/kv-cache/chunk-sizes.js';
import type { NewKv } from '../../../src/engine/kv-cache/kv-store.js';
import { type CachedBlock, PrefixCache } from '../../../src/engine/kv-cache/prefix-cache.js';

const SIZES = { short: 4, long: 8 };

function rowsOf(numbers: readonly number[]): NewKv {
  return { parts: [Float32Array.from(numbers)], numRows: 1, numNewTokens: 0 };
}

/** Where the whole blocks of so many tokens end. */
function endsOf(numTokens: number): number[] {
  return Array.from({ length: numWholeChunks(numTokens, SIZES) }, (_, i) => (i < 2 ? 4 * (i + 1) : 8 * i));
}

/** Computes a whole prompt, as a sequence does that found nothing, and keeps its blocks. */
function compute(cache: PrefixCache, tokens: readonly number[]): void {
  const tokenIds = Int32Array.from(tokens);
  let previous: CachedBlock | undefined;
  let start = 0;
  for (const end of endsOf(tokens.length)) {
    // The rows tell which tokens they stand for.
    previous = cache.insert({ previous, tokenIds, start, end, rows: rowsOf(tokens.slice(0, end)) });
    start = end;
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
        const cache = new PrefixCache(SIZES);
        for (const tokens of computed) compute(cache, tokens);
        const shared = Math.max(0, ...computed.map((tokens) => numShared(tokens, wanted)));
        const found = matched(cache, wanted);
        expect(found).toEqual(endsOf(shared).map((end) => wanted.slice(0, end)));
      }),
    );
  });

  it('never forgets a block before those that continue it', () => {
    const prompt = fc.array(fc.nat(1), { minLength: 4, maxLength: 24 });
    fc.assert(
      fc.property(fc.array(prompt, { maxLength: 8 }), fc.nat(40), (prompts, maxPositions) => {
        const cache = new PrefixCache(SIZES);
        for (const tokens of prompts) {
          compute(cache, tokens);
          cache.shrinkTo(maxPositions);
          expect(cache.numPositions).toBeLessThanOrEqual(maxPositions);
        }
        // Everything that is held can be found.
        const found = new Map(
          prompts.flatMap((tokens) => matched(cache, tokens)).map((all) => [`${all}`, all.length]),
        );
        const sizes = [...found.values()].map((end) => end - (endsOf(end).at(-2) ?? 0));
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(cache.numPositions);
      }),
    );
  });

  it('forgets what was used longest ago', () => {
    const cache = new PrefixCache(SIZES);
    for (const first of [1, 2, 3]) compute(cache, [first, 0, 0, 0]);
    matched(cache, [1, 0, 0, 0]);
    cache.shrinkTo(2 * SIZES.short);
    expect([1, 2, 3].map((first) => matched(cache, [first, 0, 0, 0]).length)).toEqual([1, 0, 1]);
  });

  it('does not keep a block that could not be found', () => {
    const cache = new PrefixCache(SIZES);
    const tokenIds = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const rows = rowsOf([1]);
    const previous = cache.insert({ previous: undefined, tokenIds, start: 0, end: 4, rows });
    cache.shrinkTo(0);
    expect(cache.insert({ previous, tokenIds, start: 4, end: 8, rows })).toBeUndefined();
    expect(cache.insert({ previous: undefined, tokenIds, start: 4, end: 8, rows })).toBeUndefined();
    expect(cache.numPositions).toBe(0);
  });
});

function numShared(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a[length] === b[length]) length++;
  return length;
}
