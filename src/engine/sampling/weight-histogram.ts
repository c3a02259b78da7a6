import type { RankedTokens } from './ranked-tokens.js';
import { BIN_WEIGHTS, BINS_PER_NAT, LINEAR, NUM_BINS, QUADRATIC } from './softmax-weight.js';

// V8 folds a module's own constants into a loop; imported ones it reads in each round.
const NO_BIN = NUM_BINS;
const A = LINEAR;
const B = QUADRATIC;

/** Some of the bins: from `first` to `last`, and `other`. */
export interface BinSelection {
  readonly first: number;
  readonly last: number;
  readonly other: number;
}

/** Which logits of a row count, and how much. */
export interface LogitRange {
  /** The greatest one. */
  readonly maximum: number;
  /** A token with less gets no bin; minus infinity gives all of them one. Best if few have less. */
  readonly least: number;
  readonly temperature: number;
}

interface Scale {
  readonly maximum: number;
  /** Bins for each unit of logits. */
  readonly scale: number;
}

/**
 * The weights of a row's tokens, summed in bins from the most probable down. A bin is narrow (a factor of
 * e^(1/64)) and the order of bins is the order of logits, so whatever depends on the order of a whole vocabulary
 * is found by sorting the tokens of a bin or two.
 */
export class WeightHistogram {
  /** The bin of each token of the row, or NO_BIN. */
  readonly #bins: Uint16Array;
  /** The weight in each bin, over the bin's own; the last place is for tokens without a bin. */
  readonly #sums = new Float64Array(NUM_BINS + 1);
  /** The weight in all bins before each one; the last place has the total. */
  readonly #before = new Float64Array(NUM_BINS + 1);
  readonly #counts = new Int32Array(NUM_BINS + 1);
  readonly #selected = new Uint8Array(NUM_BINS + 1);
  #size = 0;

  /** @param capacity The most logits that a row has. */
  constructor(capacity: number) {
    this.#bins = new Uint16Array(capacity);
  }

  /** Reads a row. */
  fill(logits: Float32Array, { maximum, least, temperature }: LogitRange): void {
    const scale = BINS_PER_NAT / temperature;
    this.#sums.fill(0);
    if (least === -Infinity) this.#addAll(logits, maximum, scale);
    else this.#addReaching(least, logits, { maximum, scale });
    this.#size = logits.length;
    this.#accumulate();
  }

  /**
   * Four at a time take two thirds of the time that one at a time does. The odd ones come first, here and below:
   * V8 optimizes a function in the midst of its long loop, and drops the result at code it has not seen run.
   */
  #addAll(logits: Float32Array, maximum: number, scale: number): void {
    const sums = this.#sums;
    const bins = this.#bins;
    const numOdd = logits.length % 4;
    for (let id = 0; id < numOdd; id += 1) add(sums, bins, id, (maximum - logits[id]!) * scale);
    for (let id = numOdd; id < logits.length; id += 4) {
      add(sums, bins, id, (maximum - logits[id]!) * scale);
      add(sums, bins, id + 1, (maximum - logits[id + 1]!) * scale);
      add(sums, bins, id + 2, (maximum - logits[id + 2]!) * scale);
      add(sums, bins, id + 3, (maximum - logits[id + 3]!) * scale);
    }
  }

  /** The few tokens that do not reach `least` cost a branch each. */
  #addReaching(least: number, logits: Float32Array, { maximum, scale }: Scale): void {
    const sums = this.#sums;
    const bins = this.#bins;
    bins.fill(NO_BIN);
    for (let id = 0; id < logits.length; id += 1) {
      if (logits[id]! >= least) add(sums, bins, id, (maximum - logits[id]!) * scale);
    }
  }

  #accumulate(): void {
    let sum = 0;
    for (let bin = 0; bin < NUM_BINS; bin += 1) {
      sum += this.#sums[bin]! * BIN_WEIGHTS[bin]!;
      this.#before[bin + 1] = sum;
    }
  }

  /** The weight of all tokens. */
  get total(): number {
    return this.#before[NUM_BINS]!;
  }

  /** The bin that a token is in. */
  binOf(id: number): number {
    return this.#bins[id]!;
  }

  /** The weight in all bins before this one. */
  massBefore(bin: number): number {
    return this.#before[bin]!;
  }

  /** The first bin with which there is this much weight, or more; `mass` in (0, total]. */
  binReaching(mass: number): number {
    let low = 0;
    let high = NUM_BINS - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#before[middle + 1]! >= mass) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The first bin with which there is more weight than this; `mass` in [0, total). */
  binExceeding(mass: number): number {
    let low = 0;
    let high = NUM_BINS - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#before[middle + 1]! > mass) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The bin that holds the token of this rank, counted from 1; `NUM_BINS` where that token has no weight. */
  binOfRank(rank: number): number {
    const counts = this.#counts.fill(0);
    this.#countAll();
    let bin = 0;
    for (let sum = counts[0]!; sum < rank && bin < NUM_BINS; sum += counts[bin]!) bin += 1;
    return bin;
  }

  #countAll(): void {
    const counts = this.#counts;
    const bins = this.#bins;
    const size = this.#size;
    const numOdd = size % 4;
    for (let id = 0; id < numOdd; id += 1) increment(counts, bins[id]!);
    for (let id = numOdd; id < size; id += 4) {
      increment(counts, bins[id]!);
      increment(counts, bins[id + 1]!);
      increment(counts, bins[id + 2]!);
      increment(counts, bins[id + 3]!);
    }
  }

  /** How many tokens are in the bins before this one, as `binOfRank` last counted. */
  countBefore(bin: number): number {
    let sum = 0;
    for (let i = 0; i < bin; i += 1) sum += this.#counts[i]!;
    return sum;
  }

  /** Takes a token out of its bin, whose weight `truncate` sets. */
  exclude(id: number): void {
    this.#bins[id] = NO_BIN;
  }

  /** Sets the weight of a bin, and empties those after it. */
  truncate(bin: number, mass: number): void {
    this.#before.fill(this.#before[bin]! + mass, bin + 1);
  }

  /** Adds to `found` each token in the selected bins. */
  collect(selection: BinSelection, logits: Float32Array, found: RankedTokens): void {
    const selected = this.#selected;
    const bins = this.#bins;
    selected.fill(0).fill(1, selection.first, selection.last + 1)[selection.other] = 1;
    const size = this.#size;
    const numOdd = size % 4;
    for (let id = 0; id < numOdd; id += 1) if (selected[bins[id]!] === 1) found.add(id, logits[id]!);
    // Few are found, so one look at four pays.
    for (let id = numOdd; id < size; id += 4) {
      const low = selected[bins[id]!]! | selected[bins[id + 1]!]!;
      const high = selected[bins[id + 2]!]! | selected[bins[id + 3]!]!;
      if ((low | high) === 0) continue;
      for (let i = id; i < id + 4; i += 1) if (selected[bins[i]!] === 1) found.add(i, logits[i]!);
    }
  }
}

/** Bins a token and adds its weight over its bin's: `weightAt`, less a multiplication that each bin has once. */
function add(sums: Float64Array, bins: Uint16Array, id: number, exactDistance: number): void {
  const distance = Math.min(exactDistance, NO_BIN);
  const bin = distance | 0;
  const offset = distance - bin - 0.5;
  bins[id] = bin;
  sums[bin] = sums[bin]! + (1 - offset * (A - offset * B));
}

function increment(counts: Int32Array, bin: number): void {
  counts[bin] = counts[bin]! + 1;
}
