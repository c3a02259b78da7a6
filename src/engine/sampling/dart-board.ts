import type { RandomSource } from './random.js';
import { BLOCK_SIZE, type RowKernels } from './row-kernels.js';
import { powerAbove, weightAt } from './softmax-weight.js';

/**
 * Draws tokens by their weights without weighing all: each block of a row is a box with a column for each token, as high
 * as the block's most probable one or up to twice that, and a dart thrown at the boxes takes the token whose column it
 * hits, if it is lower than that token's weight, otherwise another is thrown. A block's best token fills at least half of
 * its column, so one of 256 darts hits, whatever the row. The heights are powers of two, so that boxes rarely change
 * where the logits' rounding does.
 */
export class DartBoard {
  readonly #kernels: RowKernels;
  readonly #heights: Float64Array;
  /** The area of all boxes up to each block, and before it. */
  readonly #areas: Float64Array;
  #maximum = 0;
  #scale = 0;

  constructor(kernels: RowKernels) {
    const numBlocks = kernels.maxima.length;
    this.#kernels = kernels;
    this.#heights = new Float64Array(numBlocks);
    this.#areas = new Float64Array(numBlocks + 1);
  }

  /**
   * Takes the row as its blocks' maxima are known.
   *
   * @param maximum The logit of weight 1: the greatest of the row, or one that it had before tokens were dropped.
   * @param scale Octaves of weight for each unit of logits.
   */
  setUp(maximum: number, scale: number): void {
    const { maxima } = this.#kernels;
    this.#maximum = maximum;
    this.#scale = scale;
    let area = 0;
    for (let block = 0; block < maxima.length; block += 1) {
      const height = powerAbove((maximum - maxima[block]!) * scale);
      this.#heights[block] = height;
      area += height * BLOCK_SIZE;
      this.#areas[block + 1] = area;
    }
  }

  /** The place of a token, drawn by the weights. */
  draw(numbers: RandomSource): number {
    const { logits, maxima } = this.#kernels;
    const area = this.#areas[maxima.length]!;
    for (;;) {
      const target = numbers.next() * area;
      const block = this.#blockAt(target);
      const height = this.#heights[block]!;
      const column = (target - this.#areas[block]!) / height;
      const place = block * BLOCK_SIZE + (column | 0);
      const logit = logits[place]!; // undefined, and so no hit, behind the last token
      if ((column % 1) * height < weightAt((this.#maximum - logit) * this.#scale)) return place;
    }
  }

  /** The first block up to which the area exceeds the target. */
  #blockAt(target: number): number {
    let low = 0;
    let high = this.#heights.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#areas[middle + 1]! > target) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
