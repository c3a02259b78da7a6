import { BLOCK_SIZE, type BlockMaxima } from './block-maxima.js';
import type { Cut } from './cut.js';
import type { RandomSource } from './random.js';
import { BINS_PER_NAT, NUM_BINS, weightAt } from './softmax-weight.js';

const BINS_PER_OCTAVE = BINS_PER_NAT * Math.LN2;

/** The powers of two from 1 down to the weight of the last bin. */
const HEIGHTS = Float64Array.from(
  { length: Math.ceil(NUM_BINS / BINS_PER_OCTAVE) },
  (_, octave) => 2 ** -octave,
);

/** A row of logits, and what makes weights of it. */
export interface WeighedRow {
  readonly logits: Float32Array;
  readonly maximum: number;
  /** Bins of weights for each unit of logits. */
  readonly scale: number;
}

/**
 * Draws tokens by their weights without weighing all: each block of a row is a box with a column for each token, as high
 * as the block's most probable one or up to twice that, and a dart thrown at the boxes takes the token whose column it
 * hits, if it is lower than that token's weight, otherwise another is thrown. A block's best token fills at least half of
 * its column, so one of 256 darts hits, whatever the row. The heights are powers of two, so that boxes rarely change
 * where the logits' rounding does.
 */
export class DartBoard {
  readonly #maxima: BlockMaxima;
  readonly #heights: Float64Array;
  /** The area of all boxes up to each block, and before it. */
  readonly #areas: Float64Array;
  #row: WeighedRow | undefined;
  #cut: Cut | undefined;

  /** @param maxima Of the row that is set up. */
  constructor(maxima: BlockMaxima, capacity: number) {
    const numBlocks = Math.ceil(capacity / BLOCK_SIZE);
    this.#maxima = maxima;
    this.#heights = new Float64Array(numBlocks);
    this.#areas = new Float64Array(numBlocks + 1);
  }

  /** Takes the tokens that the cut keeps of a row for the next draws. */
  setUp(row: WeighedRow, cut: Cut): void {
    this.#row = row;
    this.#cut = cut;
    let area = 0;
    for (let block = 0; block < this.#maxima.numBlocks; block += 1) {
      const height = this.#maxima.reach(cut, block) ? this.heightOf(block) : 0;
      this.#heights[block] = height;
      area += height * BLOCK_SIZE;
      this.#areas[block + 1] = area;
    }
  }

  /** No token of a block weighs more than this. */
  heightOf(block: number): number {
    const { maximum, scale } = this.#row!;
    const distance = (maximum - this.#maxima.at(block)) * scale;
    return distance < NUM_BINS ? HEIGHTS[(distance / BINS_PER_OCTAVE) | 0]! : 0;
  }

  /** The place of a token, drawn by the weights of those that are kept. */
  draw(numbers: RandomSource): number {
    const { logits, maximum, scale } = this.#row!;
    const { least, last } = this.#cut!;
    const area = this.#areas[this.#maxima.numBlocks]!;
    for (;;) {
      const target = numbers.next() * area;
      const block = this.#blockAt(target);
      const height = this.#heights[block]!;
      const column = (target - this.#areas[block]!) / height;
      const place = block * BLOCK_SIZE + (column | 0);
      const logit = logits[place]!; // undefined, and so no hit, behind the last token
      const isKept = logit > least || (logit === least && place <= last);
      if (isKept && (column % 1) * height < weightAt((maximum - logit) * scale)) return place;
    }
  }

  /** The first block up to which the area exceeds the target. */
  #blockAt(target: number): number {
    let low = 0;
    let high = this.#maxima.numBlocks - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#areas[middle + 1]! > target) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
