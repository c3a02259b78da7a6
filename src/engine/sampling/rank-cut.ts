import { type Cut, EVERY_PLACE } from './cut.js';
import type { RowKernels } from './row-kernels.js';
import type { RankBounds } from './row-sample.js';

/** Divisions of the range of logits that are counted at once. */
const NUM_STEPS = 1024;

/** Finds where the first k tokens of a row end. */
export class RankCut {
  readonly #kernels: RowKernels;
  readonly #counts = new Int32Array(NUM_STEPS);
  /** How many of the listed tokens may be the k-th. */
  #size = 0;

  constructor(kernels: RowKernels) {
    this.#kernels = kernels;
  }

  /**
   * Keeps the first `count` of the tokens that reach `least`, or all of them.
   *
   * @param bounds Between which the last one is guessed; a wrong guess costs time, and nothing else.
   */
  find(count: number, { least, low, high }: RankBounds): Cut {
    const numAbove = high === Infinity ? 0 : this.#kernels.count(high);
    if (numAbove >= count) return this.find(count, { least, low, high: Infinity });
    this.#size = this.#kernels.list(low, high);
    if (numAbove + this.#size >= count) return this.#narrow(count - numAbove);
    return low > least ? this.find(count, { least, low: least, high }) : { least, last: EVERY_PLACE };
  }

  /** Of the listed tokens, keeps this many: looks at ever fewer until they are all equal. */
  #narrow(count: number): Cut {
    const { logits, places } = this.#kernels;
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
      rank -= this.#keepStep(rank, lowest, highest);
    }
  }

  /** Divides the tokens by their logits, keeps those among which is the one of this rank, and returns how many come before. */
  #keepStep(rank: number, lowest: number, highest: number): number {
    const { logits, places } = this.#kernels;
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
      // A branch would often be mispredicted.
      size += Number((((highest - logits[place]!) * stepsPerLogit) | 0) === kept);
    }
    this.#size = size;
    return numBefore;
  }
}
