import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CharacterCounter } from '../../../src/engine/text/character-counter.js';

// Bytes that are text, and bytes at the edges of what may begin and continue a character.
const edges = [0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef];
const bytes = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => new TextEncoder().encode(text)),
  fc
    .array(fc.constantFrom(...edges, 0xf0, 0xf1, 0xf4, 0xf5, 0xff), { maxLength: 20 })
    .map((list) => Uint8Array.from(list)),
);

function numCharacters(text: Uint8Array): number {
  return [...new TextDecoder('utf-8', { ignoreBOM: true }).decode(text)].length;
}

describe('character counter', () => {
  it('counts as many characters as a decoder makes, broken ones included', () => {
    fc.assert(
      fc.property(bytes, fc.nat(9), (all, numBefore) => {
        const counter = new CharacterCounter(numBefore);
        counter.add(all);
        expect(counter.numCharacters).toBe(numBefore + numCharacters(all));
      }),
      { numRuns: 2000 },
    );
  });

  it('says, however bytes are cut, at which character each piece begins', () => {
    fc.assert(
      fc.property(bytes, fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 20 }), (all, lengths) => {
        const counter = new CharacterCounter();
        let start = 0;
        for (const length of lengths) {
          const piece = all.subarray(start, start + length);
          if (piece.length === 0) break;
          const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
          const whole = [...decoder.decode(all.subarray(0, start), { stream: true })].length;
          // What is held back becomes a character of its own unless the next byte continues it.
          const broken = [...decoder.decode(piece.subarray(0, 1), { stream: true })][0] === '\ufffd';
          const isHeld = numCharacters(all.subarray(0, start)) > whole;
          expect(counter.add(piece)).toBe(whole + (isHeld && broken ? 1 : 0));
          start += piece.length;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('puts a piece without bytes where the text ends', () => {
    const counter = new CharacterCounter();
    counter.add(new TextEncoder().encode('né'));
    expect(counter.add(new Uint8Array())).toBe(2);
  });
});
