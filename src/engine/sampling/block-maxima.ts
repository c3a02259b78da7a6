import type { RankedTokens } from './ranked-tokens.js';

/** Logits a block. A smaller one narrows a search more; each new one costs some mispredicted branches. */
const BLOCK_SIZE = 128;

/** The greatest logit of each block of a row, so that the few tokens that reach a threshold are soon found. */
export class BlockMaxima {
  readonly #maxima: Float32Array;
  readonly #sorted: Float32Array;

  constructor(vocabSize: number) {
    this.#maxima = new Float32Array(Math.ceil(vocabSize / BLOCK_SIZE));
    this.#sorted = new Float32Array(this.#maxima.length);
  }

  /** How many blocks there are, the most that `lowerBound` may ask for. */
  get size(): number {
    return this.#maxima.length;
  }

  /** Reads a row, and returns its greatest logit, or NaN if it has one. */
  scan(logits: Float32Array): number {
    const maxima = this.#maxima;
    for (let block = 0; block < maxima.length; block += 1) {
      const start = block * BLOCK_SIZE;
      maxima[block] = maximumOf(logits, start, Math.min(start + BLOCK_SIZE, logits.length));
    }
    return maximumOf(maxima, 0, maxima.length);
  }

  /** A logit that at least `count` tokens of the row reach, in as many blocks; `count` in [1, size]. */
  lowerBound(count: number): number {
    this.#sorted.set(this.#maxima);
    this.#sorted.sort();
    return this.#sorted[this.#sorted.length - count]!;
  }

  /** In how many blocks a token reaches the threshold. */
  numReaching(threshold: number): number {
    let count = 0;
    for (const maximum of this.#maxima) if (maximum >= threshold) count += 1;
    return count;
  }

  /** Adds to `found` each token whose logit reaches the threshold. */
  collect(threshold: number, logits: Float32Array, found: RankedTokens): void {
    for (let block = 0; block < this.#maxima.length; block += 1) {
      if (this.#maxima[block]! < threshold) continue;
      const end = Math.min((block + 1) * BLOCK_SIZE, logits.length);
      for (let id = block * BLOCK_SIZE; id < end; id += 1) {
        const logit = logits[id]!;
        if (logit >= threshold) found.add(id, logit);
      }
    }
  }
}

/** The greatest of logits[start, end), or NaN if one of them is. Four at a time take half the time. */
export function maximumOf(logits: Float32Array, start: number, end: number): number {
  let maximum = logits[start]!;
  const numOdd = (end - start) % 4;
  for (let id = start; id < start + numOdd; id += 1) maximum = Math.max(maximum, logits[id]!);
  for (let id = start + numOdd; id < end; id += 4) {
    const a = logits[id]!;
    const b = logits[id + 1]!;
    const c = logits[id + 2]!;
    const d = logits[id + 3]!;
    // Math.max of NaN is NaN, and then every comparison fails.
    if (!(a <= maximum && b <= maximum && c <= maximum && d <= maximum)) {
      maximum = Math.max(maximum, a, b, c, d);
    }
  }
  return maximum;
}
