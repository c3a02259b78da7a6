/** One token of so many is looked at. */
const STRIDE = 16;

/** Divisions of the range of logits that is looked at. */
const NUM_STEPS = 1024;

/** How many standard deviations more than its share of tokens the sample must have, so that the guess rarely fails. */
const MARGIN = 3;

/** A part of a row, the same for every row, from which is guessed what would take a look at all of it to know. */
export class RowSample {
  readonly #counts = new Int32Array(NUM_STEPS + 1);

  /**
   * Guesses a logit that at least `count` tokens reach, and not many more. A wrong guess is one that fewer reach.
   *
   * @param range From `least`, what is returned where it is not clear that enough tokens reach more, to `maximum`.
   */
  lowerBound(count: number, logits: Float32Array, { least, maximum }: LogitBounds): number {
    const counts = this.#counts.fill(0);
    const stepsPerLogit = NUM_STEPS / (maximum - least);
    for (let id = 0; id < logits.length; id += STRIDE) {
      const step = Math.min((maximum - logits[id]!) * stepsPerLogit, NUM_STEPS) | 0;
      counts[step] = counts[step]! + 1;
    }
    const share = count / STRIDE;
    const needed = share + MARGIN * Math.sqrt(share) + MARGIN;
    let step = 0;
    for (let found = counts[0]!; step < NUM_STEPS && found < needed; found += counts[step]!) step += 1;
    return step >= NUM_STEPS - 1 ? least : maximum - (step + 1) / stepsPerLogit;
  }
}

/** Between which logits something is looked for. */
export interface LogitBounds {
  readonly least: number;
  readonly maximum: number;
}

/** So few tokens are enough to see whether it pays to leave some out. */
const COARSE_STRIDE = 256;

/** Whether it seems that at least seven eighths of a row reach a threshold. */
export function seemsToKeepMost(threshold: number, logits: Float32Array): boolean {
  let numBelow = 0;
  for (let id = 0; id < logits.length; id += COARSE_STRIDE) numBelow += Number(logits[id]! < threshold);
  return numBelow * COARSE_STRIDE * 8 <= logits.length;
}
