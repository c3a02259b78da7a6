import { RowSample, seemsToKeepMost } from './row-sample.js';
import { BINS_PER_NAT, NUM_BINS } from './softmax-weight.js';

/** Up to this part of the vocabulary, it pays to find out roughly where top-k ends before weights are summed. */
const MAX_GUESSED = 0.25;

/** How far below the greatest one, over the temperature, a logit has no weight; beyond doubt, whatever is rounded. */
const WEIGHTLESS_NATS = (NUM_BINS / BINS_PER_NAT) * (1 + 1e-12);

/** On what it depends whether a token can be chosen. */
export interface CandidateFilter {
  /** The row's greatest logit. */
  readonly maximum: number;
  /** What a logit must reach for min-p; minus infinity without one. */
  readonly least: number;
  readonly temperature: number;
  /** 0 keeps all. */
  readonly topK: number;
}

/**
 * The tokens of a row that a choice looks at, by their places in the order of ids: those that reach a threshold, packed,
 * so that what follows takes time for them alone, or all of them, where they are. Reads the row until the next call.
 */
export class Candidates {
  readonly #ids: Int32Array;
  readonly #packed: Float32Array;
  readonly #sample = new RowSample();
  #logits: Float32Array;
  #isPacked = false;

  constructor(vocabSize: number) {
    this.#ids = new Int32Array(vocabSize);
    this.#packed = new Float32Array(vocabSize);
    this.#logits = this.#packed;
  }

  /** The candidates' logits. */
  get logits(): Float32Array {
    return this.#logits;
  }

  /** Whether tokens were left out. */
  get isPacked(): boolean {
    return this.#isPacked;
  }

  /** The token at a place. */
  id(place: number): number {
    return this.#isPacked ? this.#ids[place]! : place;
  }

  /**
   * Takes, of a row, all tokens that can be chosen, and few others. Where to look for the end of top-k is guessed: a wrong
   * guess costs time, and nothing else.
   */
  take(row: Float32Array, { maximum, least, temperature, topK }: CandidateFilter): void {
    const floor = Math.max(least, maximum - temperature * WEIGHTLESS_NATS);
    if (topK > 0 && topK <= row.length * MAX_GUESSED) {
      const guess = this.#sample.lowerBound(topK, row, { least: floor, maximum });
      const size = this.takeReaching(guess, row);
      if (size < topK && guess > floor) this.takeReaching(floor, row);
    } else if (seemsToKeepMost(floor, row)) this.takeAll(row);
    else this.takeReaching(floor, row);
  }

  /** Takes all tokens of a row. */
  takeAll(row: Float32Array): void {
    this.#logits = row;
    this.#isPacked = false;
  }

  /** Takes the tokens that reach the threshold, and returns how many they are. */
  takeReaching(threshold: number, row: Float32Array): number {
    const ids = this.#ids;
    const packed = this.#packed;
    // Every token is written, and overwritten unless it counts: a branch for each would often be mispredicted.
    let size = 0;
    for (let id = 0; id < row.length; id += 1) {
      ids[size] = id;
      size += Number(row[id]! >= threshold);
    }
    for (let place = 0; place < size; place += 1) packed[place] = row[ids[place]!]!;
    this.#logits = packed.subarray(0, size);
    this.#isPacked = true;
    return size;
  }
}
