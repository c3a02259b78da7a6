import type { Cut } from './cut.js';

/** Logits a block. A smaller one narrows a search more; each new one costs some mispredicted branches. */
export const BLOCK_SIZE = 256;

/** The greatest logit of each block of a row, so that blocks without the tokens that are looked for are passed over. */
export class BlockMaxima {
  readonly #maxima: Float32Array;
  #numBlocks = 0;

  /** @param capacity The most logits that a row has. */
  constructor(capacity: number) {
    this.#maxima = new Float32Array(Math.ceil(capacity / BLOCK_SIZE));
  }

  /** How many blocks the row has. */
  get numBlocks(): number {
    return this.#numBlocks;
  }

  /** Reads a row of at least one logit, and returns its greatest one, or NaN if it has one. */
  scan(logits: Float32Array): number {
    const maxima = this.#maxima;
    this.#numBlocks = Math.ceil(logits.length / BLOCK_SIZE);
    for (let block = 0; block < this.#numBlocks; block += 1) {
      const start = block * BLOCK_SIZE;
      maxima[block] = maximumOf(logits, start, Math.min(start + BLOCK_SIZE, logits.length));
    }
    return maximumOf(maxima, 0, this.#numBlocks);
  }

  /** The greatest logit of a block. */
  at(block: number): number {
    return this.#maxima[block]!;
  }

  /** Whether a block may have a token that the cut keeps. */
  reach({ least, last }: Cut, block: number): boolean {
    const maximum = this.#maxima[block]!;
    return maximum > least || (maximum === least && block * BLOCK_SIZE <= last);
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
