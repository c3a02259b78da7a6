import { describe, expect, it } from 'vitest';
import { DartBoard } from '../../../src/engine/sampling/dart-board.js';
import { RandomNumbers } from '../../../src/engine/sampling/random.js';
import { createRowKernels } from '../../../src/engine/sampling/row-kernels.js';

const SIZE = 50_257;

describe('dart board', () => {
  it.each([
    ['one token of each block stands out', (id: number) => (id % 128 === 5 ? 0 : -40)],
    ['one token stands out', (id: number) => (id === 40_000 ? 0 : -40)],
    ['a token of each block is just below a power of two', (id: number) => (id % 128 === 5 ? -0.7 : -60)],
    ['all are alike', () => 0],
  ])('hits within some hundred darts where %s', (_, logitOf) => {
    const logits = Float32Array.from({ length: SIZE }, (__, id) => logitOf(id));
    logits[40_000] = 0;
    expect(meanDarts(logits)).toBeLessThan(200);
  });

  it('hits as soon among few of many tokens that are all alike', () => {
    expect(meanDarts(new Float32Array(SIZE), 1)).toBeLessThan(100);
  });
});

/** How many darts a draw takes of the tokens that are left where those with the logit 0 are kept up to this place. */
function meanDarts(logits: Float32Array, last = SIZE): number {
  const kernels = createRowKernels(SIZE);
  const board = new DartBoard(kernels);
  kernels.logits.set(logits);
  kernels.scan();
  if (last < SIZE) kernels.keep(0, last);
  board.setUp(0, 1);
  const random = new RandomNumbers(1n);
  let numDarts = 0;
  const numbers = {
    next() {
      numDarts += 1;
      return random.next();
    },
  };
  for (let draw = 0; draw < 200; draw += 1) expect(board.draw(numbers)).toBeLessThanOrEqual(last);
  return numDarts / 200;
}
