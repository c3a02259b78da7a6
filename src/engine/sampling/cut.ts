/**
 * Where the order of a row's tokens is cut off, the greater logit first and of equal ones the lower place: what top-k,
 * top-p and min-p keep is always a beginning of that order.
 */
export interface Cut {
  /** Greater logits are kept, less ones are not. */
  readonly least: number;
  /** Of the tokens with just this logit those up to this place are kept. */
  readonly last: number;
}

/** As {@link Cut.last}: keeps all tokens with the least logit. Infinity would make doubles of the loops' integers. */
export const EVERY_PLACE = 2 ** 30;

/** A number between a logit and the next greater one in single precision, so that `>=` can say `>`. */
export function justAbove(logit: number): number {
  return logit + Math.max(Math.abs(logit) * 2 ** -30, 2 ** -150);
}
