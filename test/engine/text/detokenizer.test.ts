import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Detokenizer } from '../../../src/engine/text/detokenizer.js';

/** Bytes near to UTF-8: whole characters, cut ones, overlong ones, surrogates, bytes that never occur. */
const anyPieces = fc.array(
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 4 }).map((text) => new TextEncoder().encode(text)),
    fc.string({ unit: 'binary', maxLength: 4 }).map((text) => new TextEncoder().encode(text).slice(0, -1)),
    fc.constantFrom(
      [0xef, 0xbb, 0xbf],
      [0xc0, 0xaf],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf0, 0x9f],
      [0x80],
    ),
    fc.uint8Array({ maxLength: 3 }),
  ),
);

describe('detokenizer', () => {
  it('gives what a TextDecoder makes of all the bytes at once, however they are cut', () => {
    fc.assert(
      fc.property(anyPieces, fc.array(fc.integer({ min: 1, max: 5 })), (pieces, cuts) => {
        const bytes = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
        const detokenizer = new Detokenizer();
        let text = '';
        let start = 0;
        for (const cut of [...cuts, bytes.length]) {
          text += detokenizer.push(bytes.subarray(start, start + cut));
          start += cut;
        }
        text += detokenizer.flush();
        expect(text).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  it('gives a character with its last byte, and others at once', () => {
    const detokenizer = new Detokenizer();
    const steps = [[0x61, 0xf0], [0x9f], [0x98], [0x80, 0x62]].map((bytes) =>
      detokenizer.push(Uint8Array.from(bytes)),
    );
    expect(steps).toEqual(['a', '', '', '😀b']);
  });

  it('gives U+FFFD as soon as a character is broken', () => {
    const detokenizer = new Detokenizer();
    expect(detokenizer.push(Uint8Array.of(0xe2, 0x80))).toBe('');
    expect(detokenizer.push(Uint8Array.of(0x41))).toBe('\ufffdA');
    expect(detokenizer.flush()).toBe('');
  });

  it('gives U+FFFD at the end for a character that is not whole', () => {
    const detokenizer = new Detokenizer();
    expect(detokenizer.push(Uint8Array.of(0xf0, 0x9f, 0x98))).toBe('');
    expect(detokenizer.flush()).toBe('\ufffd');
  });

  it('keeps a byte order mark', () => {
    const detokenizer = new Detokenizer();
    expect(detokenizer.push(Uint8Array.of(0xef, 0xbb)) + detokenizer.push(Uint8Array.of(0xbf))).toBe(
      '\ufeff',
    );
  });
});
