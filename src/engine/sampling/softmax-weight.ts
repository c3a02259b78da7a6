/**
 * How many times a weight is halved before it is none: 50,257 tokens that are all 2^-70 times as probable as the best
 * one hold together less than 2^-53, the smallest step of a random number.
 */
export const NUM_OCTAVES = 70;

/** The powers of two from 1 down, one more than there are octaves. */
const POWERS = Float64Array.from({ length: NUM_OCTAVES + 1 }, (_, octave) => 2 ** -octave);

/** No weight at a distance exceeds this: the least power of two of which that is true. */
export function powerAbove(distance: number): number {
  return distance < NUM_OCTAVES ? POWERS[distance | 0]! : 0;
}

/**
 * Gives a token's weight, its probability over that of the most probable token: 2^-distance, or 0 below the last octave.
 * It is a polynomial of the distance to the nearest power of two, to 5e-9: less than the float32 logit itself errs. The
 * kernel `weigh` has the same in single precision.
 *
 * @param distance How far the logit is below the greatest one, over the temperature and the logarithm of 2.
 */
export function weightAt(distance: number): number {
  if (distance >= NUM_OCTAVES) return 0;
  const octave = (distance + 0.5) | 0;
  const x = octave - distance;
  const cubic = 5.550362e-2 + x * (9.618526e-3 + x * (1.3390164e-3 + x * 1.532116e-4));
  return POWERS[octave]! * (1 + x * (Math.LN2 + x * (0.24022648 + x * cubic)));
}
