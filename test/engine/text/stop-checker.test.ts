import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopChecker } from '../../../src/engine/text/stop-checker.js';

const letters = fc.string({ unit: fc.constantFrom('a', 'b', '😀', '😁', 'é'), maxLength: 40 });
const anyStops = fc.array(
  fc.string({ unit: fc.constantFrom('a', 'b', '😀', '😁'), minLength: 1, maxLength: 6 }),
  {
    maxLength: 4,
  },
);

describe('stop checker', () => {
  it('finds what a search of the whole text finds, however the text is cut', () => {
    fc.assert(
      fc.property(letters, anyStops, fc.array(fc.integer({ min: 1, max: 4 })), (text, stops, cuts) => {
        const checker = new StopChecker(stops);
        const released = cut(text, cuts).map((piece) => checker.push(piece));
        released.push(checker.flush());
        expect({ text: released.join(''), matched: checker.matched }).toEqual(searchWhole(text, stops));
      }),
      { numRuns: 5000 },
    );
  });

  it('holds back no more than the beginning of a stop string', () => {
    fc.assert(
      fc.property(letters, anyStops, fc.array(fc.integer({ min: 1, max: 4 })), (text, stops, cuts) => {
        const checker = new StopChecker(stops);
        let pushed = '';
        let released = '';
        for (const piece of cut(text, cuts)) {
          pushed += piece;
          released += checker.push(piece);
          if (checker.matched !== undefined) return;
          const beginnings = stops.flatMap((stop) => Array.from(stop.split(''), (_, i) => stop.slice(0, i)));
          const longest = Math.max(0, ...beginnings.filter((b) => pushed.endsWith(b)).map((b) => b.length));
          expect(released).toBe(pushed.slice(0, pushed.length - longest));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('releases what turned out not to be a stop string, up to where another may begin', () => {
    const checker = new StopChecker(['abac']);
    expect(['x', 'ab', 'a', 'b', 'y'].map((piece) => checker.push(piece))).toEqual([
      'x',
      '',
      '',
      'ab',
      'aby',
    ]);
  });

  it('prefers the stop string that is complete first', () => {
    const checker = new StopChecker(['abcd', 'c']);
    expect(checker.push('xabcd')).toBe('xab');
    expect(checker.matched).toBe('c');
  });

  it.each([[['c', 'abc', 'bc']], [['abc', 'c', 'bc']]])(
    'prefers the longest of those that end together, of %j',
    (stops) => {
      const checker = new StopChecker(stops);
      expect(checker.push('xabcd')).toBe('x');
      expect(checker.matched).toBe('abc');
    },
  );

  it('gives nothing after a match', () => {
    const checker = new StopChecker(['\n']);
    expect(checker.push('a\nb')).toBe('a');
    expect(checker.push('c') + checker.flush()).toBe('');
  });

  it('gives what it held back at the end', () => {
    const checker = new StopChecker(['END']);
    expect(checker.push('the EN')).toBe('the ');
    expect(checker.flush()).toBe('EN');
    expect(checker.matched).toBeUndefined();
  });

  it('passes everything on where there is no stop string', () => {
    const checker = new StopChecker([]);
    expect(checker.push('abc')).toBe('abc');
  });
});

/** The definition: of all occurrences the one that ends first, and of those the longest. */
function searchWhole(text: string, stops: readonly string[]): { text: string; matched: string | undefined } {
  for (let end = 1; end <= text.length; end += 1) {
    const matches = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    const matched = matches.toSorted((a, b) => b.length - a.length)[0];
    if (matched !== undefined) return { text: text.slice(0, end - matched.length), matched };
  }
  return { text, matched: undefined };
}

/** Cuts at code points, as a detokenizer does. */
function cut(text: string, cuts: readonly number[]): string[] {
  const characters = [...text];
  const pieces = cuts.map((count) => characters.splice(0, count).join(''));
  return [...pieces, characters.join('')];
}
