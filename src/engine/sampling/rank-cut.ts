import { type Cut, EVERY_PLACE } from './cut.js';
import type { RankBounds } from './row-sample.js';

/** Divisions of the range of logits that are counted at once. */
const NUM_STEPS = 1024;

/** Finds where the first k tokens of a row end. */
export class RankCut {
  /** The places of the tokens that may be the k-th, in their order. */
  readonly #places: Int32Array;
  readonly #counts = new Int32Array(NUM_STEPS);
  #size = 0;

  /** @param capacity The most logits that a row has. */
  constructor(capacity: number) {
    this.#places = new Int32Array(capacity + 1);
  }

  /**
   * Keeps the first `count` of the tokens that reach `least`, or all of them.
   *
   * @param bounds Between which the last one is guessed; a wrong guess costs time, and nothing else.
   */
  find(count: number, logits: Float32Array, { least, low, high }: RankBounds): Cut {
    const numAbove = this.#take(logits, low, high);
    if (numAbove >= count) return this.find(count, logits, { least, low, high: Infinity });
    if (numAbove + this.#size >= count) return this.#narrow(count - numAbove, logits);
    return low > least ? this.find(count, logits, { least, low: least, high }) : { least, last: EVERY_PLACE };
  }

  /** Takes the tokens in [low, high), and returns how many reach `high`. Four at a time take three quarters of the time. */
  #take(logits: Float32Array, low: number, high: number): number {
    const places = this.#places;
    let numAbove = 0;
    let size = 0;
    const numOdd = logits.length % 4;
    // Every place is written, and overwritten unless it counts: a branch for each would often be mispredicted.
    for (let place = 0; place < numOdd; place += 1) {
      const isAbove = Number(logits[place]! >= high);
      places[size] = place;
      size += Number(logits[place]! >= low) - isAbove;
      numAbove += isAbove;
    }
    for (let place = numOdd; place < logits.length; place += 4) {
      const above0 = Number(logits[place]! >= high);
      const above1 = Number(logits[place + 1]! >= high);
      const above2 = Number(logits[place + 2]! >= high);
      const above3 = Number(logits[place + 3]! >= high);
      places[size] = place;
      size += Number(logits[place]! >= low) - above0;
      places[size] = place + 1;
      size += Number(logits[place + 1]! >= low) - above1;
      places[size] = place + 2;
      size += Number(logits[place + 2]! >= low) - above2;
      places[size] = place + 3;
      size += Number(logits[place + 3]! >= low) - above3;
      numAbove += above0 + above1 + above2 + above3;
    }
    this.#size = size;
    return numAbove;
  }

  /** Of the tokens that were taken, keeps this many: looks at ever fewer until they are all equal. */
  #narrow(count: number, logits: Float32Array): Cut {
    const places = this.#places;
    let rank = count;
    for (;;) {
      let lowest = Infinity;
      let highest = -Infinity;
      for (let i = 0; i < this.#size; i += 1) {
        const logit = logits[places[i]!]!;
        if (logit < lowest) lowest = logit;
        if (logit > highest) highest = logit;
      }
      if (lowest === highest) return { least: lowest, last: places[rank - 1]! };
      rank -= this.#keepStep(rank, logits, { lowest, highest });
    }
  }

  /** Divides the tokens by their logits, keeps those among which is the one of this rank, and returns how many come before. */
  #keepStep(rank: number, logits: Float32Array, { lowest, highest }: LogitRange): number {
    const places = this.#places;
    const counts = this.#counts.fill(0);
    const stepsPerLogit = (NUM_STEPS - 1) / (highest - lowest);
    for (let i = 0; i < this.#size; i += 1) {
      const step = ((highest - logits[places[i]!]!) * stepsPerLogit) | 0;
      counts[step] = counts[step]! + 1;
    }
    let kept = 0;
    let numBefore = 0;
    for (; numBefore + counts[kept]! < rank; kept += 1) numBefore += counts[kept]!;
    let size = 0;
    for (let i = 0; i < this.#size; i += 1) {
      const place = places[i]!;
      places[size] = place;
      size += Number((((highest - logits[place]!) * stepsPerLogit) | 0) === kept);
    }
    this.#size = size;
    return numBefore;
  }
}

interface LogitRange {
  readonly lowest: number;
  readonly highest: number;
}
