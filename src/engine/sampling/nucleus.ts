import { BLOCK_SIZE, type BlockMaxima } from './block-maxima.js';
import { type Cut, justAbove } from './cut.js';
import type { DartBoard, WeighedRow } from './dart-board.js';
import type { RandomSource } from './random.js';
import { addWeights, NUM_KINDS, NUM_LANES, type Piece } from './weight-sums.js';

/** What top-p chooses from. */
export interface NucleusRow extends WeighedRow {
  /** What top-k and min-p keep. */
  readonly cut: Cut;
  /** The part of that which top-p keeps, in (0, 1). */
  readonly topP: number;
}

/**
 * Draws of the tokens that top-p keeps: the fewest most probable ones that reach p of what the other filters left. One is
 * drawn of all, and it is in this nucleus if those before it have less than p together, which takes two sums and no
 * order. If not, the next is drawn of those before it.
 */
export class Nucleus {
  readonly #maxima: BlockMaxima;
  readonly #board: DartBoard;
  readonly #sums = new Float64Array(NUM_LANES * NUM_KINDS);
  /** What all kept tokens weigh, once it is known. */
  #mass: number | undefined;

  /** @param maxima Of the rows that are drawn from, as the board's. */
  constructor(maxima: BlockMaxima, board: DartBoard) {
    this.#maxima = maxima;
    this.#board = board;
  }

  /** The place of a token. */
  draw(row: NucleusRow, numbers: RandomSource): number {
    let { cut } = row;
    this.#mass = undefined;
    for (;;) {
      this.#board.setUp(row, cut);
      const place = this.#board.draw(numbers);
      if (this.#has(place, row)) return place;
      cut = { least: row.logits[place]!, last: place - 1 };
    }
  }

  /** The blocks that have no token before this one are only weighed if it depends on them. */
  #has(place: number, row: NucleusRow): boolean {
    const { topP } = row;
    this.#sums.fill(0);
    const unweighed = this.#weighBlocks(true, place, row);
    const before = this.#total(2);
    const least = this.#mass ?? before + this.#total(1);
    const most = this.#mass ?? least + unweighed;
    if (before < topP * least) return true;
    if (before >= topP * most) return false;
    this.#weighBlocks(false, place, row);
    this.#mass = before + this.#total(1);
    return before < topP * this.#mass;
  }

  /** Weighs the blocks with tokens before this one, or the others, and returns the most that the rest weighs. */
  #weighBlocks(areNear: boolean, place: number, row: NucleusRow): number {
    const maxima = this.#maxima;
    const near = { least: row.logits[place]!, last: place };
    let rest = 0;
    for (let block = 0; block < maxima.numBlocks; block += 1) {
      if (!maxima.reach(row.cut, block)) continue;
      const start = block * BLOCK_SIZE;
      if (maxima.reach(near, block) !== areNear) rest += this.#board.heightOf(block) * BLOCK_SIZE;
      else this.#weigh({ start, end: Math.min(start + BLOCK_SIZE, row.logits.length) }, place, row);
    }
    return rest;
  }

  /** Adds a piece of a row, in parts in which equal logits are all alike before the token or not, and kept or not. */
  #weigh({ start, end }: Pick<Piece, 'start' | 'end'>, place: number, row: NucleusRow): void {
    const { cut, logits } = row;
    const border = start < place && place < end ? place : cut.last + 1;
    if (start < border && border < end) {
      this.#weigh({ start, end: border }, place, row);
      this.#weigh({ start: border, end }, place, row);
      return;
    }
    const low = start <= cut.last ? cut.least : justAbove(cut.least);
    const high = start < place ? logits[place]! : justAbove(logits[place]!);
    addWeights(this.#sums, row, { start, end, low, high });
  }

  #total(kind: number): number {
    const sums = this.#sums;
    return (
      sums[kind]! + sums[NUM_KINDS + kind]! + (sums[2 * NUM_KINDS + kind]! + sums[3 * NUM_KINDS + kind]!)
    );
  }
}
