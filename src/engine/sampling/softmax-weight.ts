/** Distances from the most probable token fall into bins: this many for each factor of e. */
export const BINS_PER_NAT = 64;

/**
 * How many bins there are; what falls below them has no weight. They span 48 nats: 50,257 tokens that are all
 * e^-48 times as probable as the best one hold together less than 2^-53, the smallest step of a random number.
 */
export const NUM_BINS = 48 * BINS_PER_NAT;

/** The weight in the middle of each bin. */
export const BIN_WEIGHTS = Float64Array.from({ length: NUM_BINS }, (_, bin) =>
  Math.exp(-(bin + 0.5) / BINS_PER_NAT),
);

/** exp(-x / BINS_PER_NAT) around 0 is 1 - x * (LINEAR - x * QUADRATIC), to 8e-8 for |x| <= 0.5. */
export const LINEAR = 1 / BINS_PER_NAT;
export const QUADRATIC = LINEAR ** 2 / 2;

/**
 * The same as a polynomial of the distance itself, `CONSTANT[bin] - distance * (LINEAR_TERM[bin] - distance *
 * QUADRATIC_TERM[bin])`, which takes less time where there are many. A distance of `NUM_BINS` has a bin, and weighs nothing.
 */
export const [CONSTANT, LINEAR_TERM, QUADRATIC_TERM] = expand();

function expand(): [Float64Array, Float64Array, Float64Array] {
  const terms = [0, 1, 2].map(() => new Float64Array(NUM_BINS + 1)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let bin = 0; bin < NUM_BINS; bin += 1) {
    const weight = BIN_WEIGHTS[bin]!;
    const middle = bin + 0.5;
    terms[0][bin] = weight * (1 + middle * (LINEAR + middle * QUADRATIC));
    terms[1][bin] = weight * (LINEAR + 2 * middle * QUADRATIC);
    terms[2][bin] = weight * QUADRATIC;
  }
  return terms;
}

/**
 * Gives a token's weight, its probability over that of the most probable token: exp(-distance / BINS_PER_NAT),
 * or 0 below the last bin. The relative error is under 1e-7, less than that of the float32 logit itself.
 * `Math.exp` would take four times as long over a vocabulary.
 *
 * @param distance How far the logit is below the greatest one, over the temperature, times `BINS_PER_NAT`.
 */
export function weightAt(distance: number): number {
  if (distance >= NUM_BINS) return 0;
  const bin = distance | 0;
  const offset = distance - bin - 0.5;
  return BIN_WEIGHTS[bin]! * (1 - offset * (LINEAR - offset * QUADRATIC));
}
