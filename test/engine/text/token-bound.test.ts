import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBound } from '../../../src/engine/text/token-bound.js';

const anyToken = fc.uint8Array({ minLength: 1, maxLength: 6, max: 3 });

describe('token bound', () => {
  it('never exceeds the number of tokens that bytes were made of', () => {
    fc.assert(
      fc.property(
        fc.array(anyToken, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(7)),
        (vocabulary, choices) => {
          const chosen = choices.map((choice) => vocabulary[choice % vocabulary.length]!);
          const bytes = Uint8Array.from(chosen.flatMap((token) => [...token]));
          expect(new TokenBound(vocabulary).leastTokens(bytes)).toBeLessThanOrEqual(chosen.length);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('is exact for the longest token, repeated', () => {
    const bound = new TokenBound([Uint8Array.of(1), Uint8Array.of(1, 1, 1)]);
    expect(bound.leastTokens(new Uint8Array(3 * 1000).fill(1))).toBe(1000);
    expect(bound.leastTokens(new Uint8Array(3 * 1000 + 1).fill(1))).toBe(1001);
  });

  it('counts bytes that no token joins one by one', () => {
    expect(new TokenBound([Uint8Array.of(1, 2)]).leastTokens(Uint8Array.of(2, 1, 2, 2, 1))).toBe(4);
  });
});
