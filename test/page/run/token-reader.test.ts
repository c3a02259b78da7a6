import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toTokenString } from '../../../src/gateway/completions/token-string.js';
import { TokenReader } from '../../../src/page/run/token-reader.js';

/** What the service would tell of tokens that have these bytes. */
function logprobsOf(pieces: readonly Uint8Array[]) {
  const tokens = pieces.map(toTokenString);
  return {
    tokens,
    token_logprobs: tokens.map(() => -1),
    top_logprobs: tokens.map((name) => ({ ' other': -2, [name]: -1 })),
  };
}

const unicode = fc.string({ unit: 'grapheme' });

describe('TokenReader', () => {
  it('reads the text whole, wherever tokens divide its bytes', () => {
    fc.assert(
      fc.property(unicode, fc.array(fc.nat(12), { minLength: 1 }), (text, lengths) => {
        const bytes = Buffer.from(text);
        const pieces: Uint8Array[] = [];
        for (let start = 0, turn = 0; start < bytes.length; turn++) {
          const end = start + (lengths[turn % lengths.length] ?? 0) + 1;
          pieces.push(bytes.subarray(start, end));
          start = end;
        }
        const tokens = new TokenReader().read(logprobsOf(pieces));
        expect(tokens.map((token) => token.text).join('')).toBe(text);
      }),
    );
  });

  it('lets a token be replaced only where a character begins', () => {
    const pieces = [Buffer.from('a'), Buffer.from([0xf0, 0x9f]), Buffer.from([0x98, 0x82]), Buffer.from('b')];
    const tokens = new TokenReader().read(logprobsOf(pieces));
    expect(tokens.map(({ text }) => text)).toEqual(['a', '', '😂', 'b']);
    expect(tokens.map(({ isReplaceable }) => isReplaceable)).toEqual([true, true, false, true]);
  });

  it('shows bytes that can not become a character as U+FFFD', () => {
    const tokens = new TokenReader().read(logprobsOf([Buffer.from([0xff]), Buffer.from('a')]));
    expect(tokens.map(({ text }) => text)).toEqual(['\ufffd', 'a']);
  });

  it('orders alternatives by their probability', () => {
    const [token] = new TokenReader().read({
      tokens: [' a'],
      token_logprobs: [-3],
      top_logprobs: [{ ' c': -2, ' a': -3, ' b': -1 }],
    });
    expect(token?.alternatives.map(({ name }) => name)).toEqual([' b', ' c', ' a']);
  });
});
