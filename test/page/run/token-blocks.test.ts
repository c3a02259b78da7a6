import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Token } from '../../../src/page/run/token.js';
import {
  appendTokens,
  countTokens,
  type TokenBlocks,
  takeTokens,
  tokenAt,
  toParts,
  toText,
} from '../../../src/page/run/token-blocks.js';

/** Tokens whose text is their index; a line ends after each of these indexes. */
function tokens(count: number, from = 0, lineEnds: ReadonlySet<number> = new Set()): Token[] {
  return Array.from({ length: count }, (_, offset) => {
    const text = `${from + offset}${lineEnds.has(from + offset) ? '\n' : ' '}`;
    return { name: text, text, logprob: -1, alternatives: [], isReplaceable: true, isTaken: false };
  });
}

const build = (counts: readonly number[], lineEnds?: ReadonlySet<number>): TokenBlocks =>
  counts.reduce<TokenBlocks>(
    (blocks, count) => appendTokens(blocks, tokens(count, countTokens(blocks), lineEnds)),
    [],
  );
const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
const counts = fc.array(fc.nat(200), { maxLength: 6 });
const ends = fc.array(fc.nat(600), { maxLength: 40 }).map((indexes) => new Set(indexes));

describe('token blocks', () => {
  it('hold what was appended, in the same blocks however it came', () => {
    fc.assert(
      fc.property(counts, ends, (parts, lineEnds) => {
        const total = sum(parts);
        const blocks = build(parts, lineEnds);
        const all = tokens(total, 0, lineEnds);
        expect(countTokens(blocks)).toBe(total);
        expect(toText(blocks)).toBe(all.map(({ text }) => text).join(''));
        for (const [index, token] of all.entries()) expect(tokenAt(blocks, index)).toEqual(token);
        expect(tokenAt(blocks, total)).toBeUndefined();
        expect(tokenAt(blocks, -1)).toBeUndefined();
        expect(blocks).toEqual(appendTokens([], all));
      }),
    );
  });

  it('keep the first ones', () => {
    fc.assert(
      fc.property(counts, ends, fc.nat(1000), (parts, lineEnds, count) => {
        const blocks = build(parts, lineEnds);
        const kept = takeTokens(blocks, count);
        expect(countTokens(kept)).toBe(Math.min(count, countTokens(blocks)));
        expect(toText(blocks).startsWith(toText(kept))).toBe(true);
        const gone = tokens(sum(parts), 0, lineEnds).slice(count);
        expect(appendTokens(kept, gone)).toEqual(blocks);
      }),
    );
  });

  it('are short', () => {
    fc.assert(
      fc.property(counts, ends, (parts, lineEnds) => {
        for (const { tokens } of build(parts, lineEnds)) {
          expect(tokens.length).toBeGreaterThan(0);
          expect(tokens.length).toBeLessThanOrEqual(64);
        }
      }),
    );
  });

  it('leave full blocks the same objects, so that they need not be drawn again', () => {
    const blocks = build([150]);
    const grown = appendTokens(blocks, tokens(1, 150));
    expect(grown[0]).toBe(blocks[0]);
    expect(grown[1]).toBe(blocks[1]);
    expect(grown[2]).not.toBe(blocks[2]);
  });

  it('make parts that end where a line ends, so that each can be laid out without the others', () => {
    fc.assert(
      fc.property(counts, ends, (sizes, lineEnds) => {
        const blocks = build(sizes, lineEnds);
        const parts = toParts(blocks);
        expect(parts.flat()).toEqual(blocks);
        for (const part of parts.slice(0, -1)) expect(toText(part).endsWith('\n')).toBe(true);
      }),
    );
  });

  it('make parts of some lines each', () => {
    const everyTenth = new Set(Array.from({ length: 100 }, (_, line) => line * 10 + 9));
    const parts = toParts(build([1000], everyTenth));
    expect(parts.map((part) => countTokens(part) - (part[0]?.first ?? 0))).toEqual([
      ...Array.from({ length: 33 }, () => 30),
      10,
    ]);
  });
});
