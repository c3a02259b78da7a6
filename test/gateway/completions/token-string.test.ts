import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadTokenBytes } from '../../../src/engine/text/token-bytes.js';
import { toTokenString } from '../../../src/gateway/completions/token-string.js';
import { fromTokenString } from '../../support/token-string.js';

describe('toTokenString', () => {
  it.each([
    ['text', Buffer.from(' café\n'), ' café\n'],
    ['a byte order mark', Buffer.from('\ufeff'), '\ufeff'],
    ['nothing', Buffer.alloc(0), ''],
    ['the first bytes of a character', Buffer.from([0xe2, 0x80]), 'bytes:\\xe2\\x80'],
    ['a space and half a character', Buffer.from([0x20, 0xf0, 0x9f]), 'bytes: \\xf0\\x9f'],
    ['a backslash beside a stray byte', Buffer.from([0x5c, 0xff]), 'bytes:\\x5c\\xff'],
    ['a surrogate, which UTF-8 has not', Buffer.from([0xed, 0xa0, 0x80]), 'bytes:\\xed\\xa0\\x80'],
  ])('says %s', (_what, bytes, text) => {
    expect(toTokenString(bytes)).toBe(text);
  });

  it('gives each token of the vocabulary a string of its own, from which its bytes come back', async () => {
    const seen = new Set<string>();
    for (const token of await loadTokenBytes()) {
      const bytes = Buffer.from(token);
      const text = toTokenString(bytes);
      expect(seen.has(text)).toBe(false);
      seen.add(text);
      expect(fromTokenString(text).equals(bytes)).toBe(true);
    }
    expect(seen.size).toBe(50_257);
  });

  it('gives any bytes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), (bytes) => {
        expect(fromTokenString(toTokenString(bytes)).equals(bytes)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
