/**
 * Where the order of a row's tokens is cut off, the greater logit first and of equal ones the lower place: what top-k,
 * top-p and min-p keep is always a beginning of that order.
 */
export interface Cut {
  /** Greater logits are kept, less ones are not. In single precision. */
  readonly least: number;
  /** Of the tokens with just this logit those up to this place are kept. */
  readonly last: number;
}

/** As {@link Cut.last}: keeps all tokens with the least logit. */
export const EVERY_PLACE = 2 ** 30;

/** The least number in single precision that is not below this one: the logits that reach either are the same. */
export function toFloat32Above(value: number): number {
  const nearest = Math.fround(value);
  if (nearest >= value) return nearest;
  // Between half and one and a half times the distance of the next one.
  return Math.fround(nearest + 1.25 * Math.max(Math.abs(nearest) * 2 ** -24, 2 ** -150));
}
