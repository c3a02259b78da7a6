import type { WeighedRow } from './dart-board.js';
import { CONSTANT, LINEAR_TERM, NUM_BINS, QUADRATIC_TERM } from './softmax-weight.js';

// V8 folds a module's own constants into a loop; imported ones it reads in each round.
const END = NUM_BINS;
const C0 = CONSTANT;
const C1 = LINEAR_TERM;
const C2 = QUADRATIC_TERM;

/** Sums are made in so many lanes by turns: an addition to one waits for the last one to the same. */
export const NUM_LANES = 4;

/** What tokens are told apart by two thresholds. */
export const NUM_KINDS = 3;

/** A piece of a row, and two thresholds, the least first. A token's kind is how many of them it reaches. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Adds the weights of a piece of a row to the sums of their kinds.
 *
 * @param sums [NUM_LANES, NUM_KINDS]; that of a kind is the total of its lanes.
 */
export function addWeights(sums: Float64Array, row: WeighedRow, piece: Piece): void {
  const { logits, maximum, scale } = row;
  const { low, high } = piece;
  const start = piece.start | 0; // integers, whatever kind of number V8 keeps in the fields
  const end = piece.end | 0;
  const numOdd = (end - start) % NUM_LANES;
  for (let i = start; i < start + numOdd; i += 1) {
    const logit = logits[i]!;
    const kind = Number(logit >= low) + Number(logit >= high);
    add(sums, kind, (maximum - logit) * scale);
  }
  for (let i = start + numOdd; i < end; i += NUM_LANES) {
    const logit0 = logits[i]!;
    const logit1 = logits[i + 1]!;
    const logit2 = logits[i + 2]!;
    const logit3 = logits[i + 3]!;
    const kind0 = Number(logit0 >= low) + Number(logit0 >= high);
    const kind1 = Number(logit1 >= low) + Number(logit1 >= high);
    const kind2 = Number(logit2 >= low) + Number(logit2 >= high);
    const kind3 = Number(logit3 >= low) + Number(logit3 >= high);
    add(sums, kind0, (maximum - logit0) * scale);
    add(sums, NUM_KINDS + kind1, (maximum - logit1) * scale);
    add(sums, 2 * NUM_KINDS + kind2, (maximum - logit2) * scale);
    add(sums, 3 * NUM_KINDS + kind3, (maximum - logit3) * scale);
  }
}

/** Adds a weight, as `weightAt` gives it, to a sum. */
function add(sums: Float64Array, index: number, exactDistance: number): void {
  const distance = Math.min(exactDistance, END);
  const bin = distance | 0;
  sums[index] = sums[index]! + (C0[bin]! - distance * (C1[bin]! - distance * C2[bin]!));
}
