import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { encode as encodeWithLibrary, setMergeCacheSize } from 'gpt-tokenizer/encoding/r50k_base';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from '../../../src/engine/text/tokenizer.js';

setMergeCacheSize(0);
const tokenizer = await createTokenizer();
const { cases } = JSON.parse(readFileSync('test/fixtures/tokenizer-cases.json', 'utf8')) as {
  cases: { text: string; ids: number[] }[];
};

/** Whitespace on which gpt-tokenizer and GPT-2 differ. */
const DIFFERENT_WHITESPACE = /[\u0085\ufeff]/;

/** Text of the kinds that tokenizers stumble over, long words included. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        "'s",
        "'ll",
        ' ',
        '  ',
        '\n',
        '\t ',
        '\u00a0',
        'é',
        'ÃÂ',
        '——',
        'token',
        ' token',
        '42',
        '...',
      ),
      fc.string({ unit: fc.constantFrom('a', 'b', 'e', 'th'), maxLength: 300 }),
      fc.string({ unit: fc.constantFrom('-', '='), maxLength: 300 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

describe('tokenizer', () => {
  it.each(cases.filter(({ text }) => !text.includes('<|endoftext|>')))(
    'encodes $text as tiktoken does',
    (example) => {
      expect(idsOf(example.text)).toEqual(example.ids);
    },
  );

  it('encodes as gpt-tokenizer does', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        fc.pre(!DIFFERENT_WHITESPACE.test(text));
        expect(idsOf(text)).toEqual(encodeWithLibrary(text));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([1_000, 1_024, 1_025, 4_000])('merges a word of %d letters as gpt-tokenizer does', (length) => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'e', 'n', 't'), minLength: length, maxLength: length }),
        (word) => {
          expect(idsOf(word)).toEqual(encodeWithLibrary(word));
        },
      ),
      { numRuns: 3 },
    );
  });

  // tiktoken's ids.
  it.each([
    ['a \u0085x', [64, 220, 126, 227, 87]],
    ['hi\ufeff x', [5303, 171, 119, 123, 2124]],
  ])('takes Unicode White_Space for whitespace, in %j', (text, ids) => {
    expect(idsOf(text)).toEqual(ids);
  });

  it('gives back the text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
        expect(decoder.decode(tokenizer.tokenBytes.concatenate(idsOf(text)))).toBe(text);
      }),
    );
  });

  it('takes <|endoftext|> for the special token wherever it is', () => {
    expect(idsOf('<|endoftext|>')).toEqual([50_256]);
    expect(idsOf('a<|endoftext|> b<|endoftext|><|endoftext|>')).toEqual([64, 50_256, 275, 50_256, 50_256]);
    expect(idsOf('é \n<|endoftext|>\n')).toEqual([...idsOf('é \n'), 50_256, 198]);
    expect(idsOf('<|endoftext|')).toEqual(encodeWithLibrary('<|endoftext|'));
  });

  it('takes a lone surrogate for U+FFFD', () => {
    expect(idsOf('a\ud800b')).toEqual(idsOf('a\ufffdb'));
    expect(idsOf('\udc00\ud800 😀')).toEqual(idsOf('\ufffd\ufffd 😀'));
  });

  it('encodes nothing as nothing', () => {
    expect(tokenizer.encode('', 1)).toEqual({ tooLong: false, ids: [] });
  });

  it('refuses what exceeds the limit, and only that', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 200 }), (text, maxTokens) => {
        const ids = idsOf(text);
        const encoding = tokenizer.encode(text, maxTokens);
        if (ids.length <= maxTokens) expect(encoding).toEqual({ tooLong: false, ids });
        else {
          expect(encoding).toMatchObject({ tooLong: true });
          const { atLeast } = encoding as { atLeast: number };
          expect(atLeast > maxTokens && atLeast <= ids.length).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['1,024 of the longest token', 'ÃÂ'.repeat(32 * 1024)],
    ['65,536 underscores', '_'.repeat(65_536)],
    ['every token with the longest words', ' rawdownloadcloneembedreportprint'.repeat(200)],
  ])('lets pass what just fits: %s', (_, text) => {
    const ids = idsOf(text);
    expect(tokenizer.encode(text, ids.length)).toEqual({ tooLong: false, ids });
    expect(tokenizer.encode(text, ids.length - 1)).toMatchObject({ tooLong: true });
  });

  it.each([
    ['letters', 'abcdefghijklmnopqrstuvwxyz'],
    ['one letter', 'a'],
    ['punctuation', '-=_.*#'],
    ['dashes', '-'],
    ['spaces', ' '],
    ['wide characters', '漢字'],
    ['broken encodings', 'ÃÂ'],
  ])('takes no more than a moment for 131,072 characters in one word: %s', (_, alphabet) => {
    const text = Array.from(
      { length: 131_072 },
      (__, i) => alphabet[(i * i + (i >> 3)) % alphabet.length],
    ).join('');
    const start = performance.now();
    tokenizer.encode(text, 1024);
    tokenizer.encode(text, 1_000_000);
    // Some 100 ms on one core; a quadratic merge takes 5 s.
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

function idsOf(text: string): number[] {
  const encoding = tokenizer.encode(text, 1_000_000);
  if (encoding.tooLong) throw new Error('too long');
  return encoding.ids;
}
