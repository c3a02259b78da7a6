import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Token } from '../../../src/page/run/token.js';
import {
  appendTokens,
  countTokens,
  firstIndexOf,
  type TokenBlocks,
  takeTokens,
  tokenAt,
  toText,
} from '../../../src/page/run/token-blocks.js';

function tokens(count: number, from = 0): Token[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ name: `${from + index} `, text: `${from + index} `, logprob: -1, alternatives: [] },
    ...{ isReplaceable: true, isTaken: false },
  }));
}

const build = (parts: readonly number[]): TokenBlocks =>
  parts.reduce<TokenBlocks>((blocks, count) => appendTokens(blocks, tokens(count, countTokens(blocks))), []);
const parts = fc.array(fc.nat(200), { maxLength: 6 });

describe('token blocks', () => {
  it('hold what was appended, however it came', () => {
    fc.assert(
      fc.property(parts, (counts) => {
        const total = counts.reduce((sum, count) => sum + count, 0);
        const blocks = build(counts);
        expect(countTokens(blocks)).toBe(total);
        expect(toText(blocks)).toBe(
          tokens(total)
            .map(({ text }) => text)
            .join(''),
        );
        for (let index = 0; index < total; index++) expect(tokenAt(blocks, index)?.text).toBe(`${index} `);
        expect(tokenAt(blocks, total)).toBeUndefined();
        for (const [index, block] of blocks.entries()) {
          expect(block[0]?.text).toBe(`${firstIndexOf(index)} `);
        }
      }),
    );
  });

  it('keep the first ones', () => {
    fc.assert(
      fc.property(parts, fc.nat(1000), (counts, count) => {
        const blocks = build(counts);
        const kept = takeTokens(blocks, count);
        expect(countTokens(kept)).toBe(Math.min(count, countTokens(blocks)));
        expect(toText(blocks).startsWith(toText(kept))).toBe(true);
      }),
    );
  });

  it('leave full blocks the same objects, so that they need not be drawn again', () => {
    const blocks = build([150]);
    const grown = appendTokens(blocks, tokens(1));
    expect(grown[0]).toBe(blocks[0]);
    expect(grown[1]).toBe(blocks[1]);
    expect(grown[2]).not.toBe(blocks[2]);
  });
});
