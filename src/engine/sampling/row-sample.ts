import { toFloat32Above } from './cut.js';

/** One token of so many is looked at. */
const STRIDE = 16;

/** Divisions of the range of logits that is looked at. */
const NUM_STEPS = 1024;

/** How many standard deviations the sample may differ from the row, so that the guess rarely fails. */
const MARGIN = 3;

/** How often the range is narrowed at most. */
const MAX_LOOKS = 2;

/** Between which logits, in single precision, a token of some rank is guessed to be. */
export interface RankBounds {
  /** What it is known to reach, if it counts at all. */
  readonly least: number;
  /** What it probably reaches: at least `least`. */
  readonly low: number;
  /** What it probably does not reach; Infinity where that is not clear. */
  readonly high: number;
}

/** A part of a row, the same for every row, from which is guessed what would take a look at all of it to know. */
export class RowSample {
  /** The tokens above the range, those in each step of it from the greatest logits down, and those below. */
  readonly #counts = new Int32Array(NUM_STEPS + 2);

  /** Guesses between which logits, not far from each other, the token of a rank is, counted from 1. */
  boundsOf(rank: number, logits: Float32Array, { least, maximum }: LogitBounds): RankBounds {
    const share = rank / STRIDE;
    const margin = MARGIN * Math.sqrt(share * (1 - rank / logits.length)) + MARGIN;
    const counts = this.#counts;
    let low = least;
    let high = maximum;
    // Most rows take one look. Another is for those of which many tokens fall into one step, as untrained ones do.
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const stepsPerLogit = NUM_STEPS / (high - low);
      this.#count(logits, high, stepsPerLogit);
      let step = 0;
      let numAbove = 0;
      for (; step <= NUM_STEPS && numAbove + counts[step]! < share - margin; step += 1)
        numAbove += counts[step]!;
      let last = step;
      let found = numAbove + counts[step]!;
      for (; last <= NUM_STEPS && found < share + margin; found += counts[last]!) last += 1;
      const top = high;
      if (step > 0) high = top - (step - 1) / stepsPerLogit;
      if (last <= NUM_STEPS) low = top - last / stepsPerLogit;
      if (found - numAbove < 4 * margin) break;
    }
    return { least, low: toFloat32Above(low), high: high === maximum ? Infinity : toFloat32Above(high) };
  }

  #count(logits: Float32Array, high: number, stepsPerLogit: number): void {
    const counts = this.#counts.fill(0);
    for (let id = 0; id < logits.length; id += STRIDE) {
      const step = Math.max(-1, Math.min((high - logits[id]!) * stepsPerLogit, NUM_STEPS)) + 1;
      counts[step | 0]! += 1;
    }
  }
}

/** Between which logits something is looked for. */
export interface LogitBounds {
  readonly least: number;
  readonly maximum: number;
}
