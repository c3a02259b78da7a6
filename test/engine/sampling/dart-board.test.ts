import { describe, expect, it } from 'vitest';
import { BlockMaxima } from '../../../src/engine/sampling/block-maxima.js';
import { DartBoard } from '../../../src/engine/sampling/dart-board.js';
import { RandomNumbers } from '../../../src/engine/sampling/random.js';

const SIZE = 50_257;

describe('dart board', () => {
  it.each([
    ['one token of each block stands out', (id: number) => (id % 256 === 5 ? 0 : -40)],
    ['one token stands out', (id: number) => (id === 40_000 ? 0 : -40)],
    ['a token of each block is just below a power of two', (id: number) => (id % 256 === 5 ? -0.7 : -60)],
    ['all are alike', () => 0],
  ])('hits within some hundred darts where %s', (_, logitOf) => {
    const logits = Float32Array.from({ length: SIZE }, (__, id) => logitOf(id));
    logits[40_000] = 0;
    expect(meanDarts(logits, { least: -3, last: Infinity })).toBeLessThan(400);
  });

  it('hits as soon among few of many tokens that are all alike', () => {
    expect(meanDarts(new Float32Array(SIZE), { least: 0, last: 1 })).toBeLessThan(200);
  });
});

function meanDarts(logits: Float32Array, cut: { least: number; last: number }): number {
  const maxima = new BlockMaxima(SIZE);
  const board = new DartBoard(maxima, SIZE);
  const maximum = maxima.scan(logits);
  board.setUp({ logits, maximum, scale: 64 }, cut);
  const random = new RandomNumbers(1n);
  let numDarts = 0;
  const numbers = {
    next() {
      numDarts += 1;
      return random.next();
    },
  };
  for (let draw = 0; draw < 200; draw += 1) {
    const place = board.draw(numbers);
    expect(logits[place]! >= cut.least && place <= Math.max(cut.last, 0)).toBe(true);
  }
  return numDarts / 200;
}
