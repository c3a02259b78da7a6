import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createProbabilityPainter } from '../../../src/cli/terminal/probability-colors.js';
import type { Delta, TokenLogprob } from '../../../src/contract/gen/linnet/v1/completion.js';

function delta(text: string, logprobs: readonly { probability: number; textOffset: number }[]): Delta {
  const told = logprobs.map(
    ({ probability, textOffset }): TokenLogprob => ({
      ...{ logprob: Math.log(probability), rank: 1, tokenBytes: Buffer.from(''), textOffset, top: [] },
    }),
  );
  return { text, tokenIds: [], tokenBytes: Buffer.from(''), index: 0, logprobs: told, echoedTokens: 0 };
}

const [GREEN, CYAN, YELLOW, RED, END] = [32, 36, 33, 31, 39].map((code) => `\u001b[${code}m`);

describe('probability painter', () => {
  it('gives each token the colour of its probability', () => {
    const paint = createProbabilityPainter();
    const tokens = [0.9, 0.3, 0.1, 0.01].map((probability, index) => ({
      probability,
      textOffset: 7 + index,
    }));
    expect(paint(delta('abcd', tokens))).toBe(`${GREEN}a${END}${CYAN}b${END}${YELLOW}c${END}${RED}d${END}`);
  });

  it('remembers tokens whose text is held back', () => {
    const paint = createProbabilityPainter();
    expect(paint(delta('', [{ probability: 0.9, textOffset: 3 }]))).toBe('');
    expect(paint(delta('', [{ probability: 0.01, textOffset: 5 }]))).toBe('');
    expect(paint(delta('abcd', []))).toBe(`${GREEN}ab${END}${RED}cd${END}`);
  });

  it('gives a character of several tokens the colour of the least probable one', () => {
    const paint = createProbabilityPainter();
    const tokens = [0.01, 0.99, 0.9].map((probability) => ({ probability, textOffset: 0 }));
    expect(paint(delta('🐦!', [...tokens, { probability: 0.6, textOffset: 1 }]))).toBe(
      `${RED}🐦${END}${GREEN}!${END}`,
    );
  });

  it('changes nothing of any text, however it is cut', () => {
    const piece = fc.record({
      text: fc.string({ unit: fc.constantFrom('a', 'é', '🐦', '\n', ' ') }),
      probability: fc.double({ min: 1e-9, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(piece), fc.nat(), (pieces, start) => {
        const paint = createProbabilityPainter();
        let textOffset = start;
        const painted = pieces.map(({ text, probability }) => {
          const token = { probability, textOffset };
          textOffset += [...text].length;
          return paint(delta(text, [token]));
        });
        expect(stripVTControlCharacters(painted.join(''))).toBe(pieces.map(({ text }) => text).join(''));
      }),
    );
  });
});
