/** A vocabulary has fewer tokens than this, so that an order and an id fit one exact double. */
const ID_RANGE = 2 ** 20;

/**
 * Tokens in the order in which every filter and every draw sees them: the greater logit first, and of equal
 * ones the lower id. Holds up to a vocabulary; clear, add, sort, read.
 */
export class RankedTokens {
  /** (rank of the logit) * ID_RANGE + id, so that sorting numbers sorts tokens. */
  readonly #keys: Float64Array;
  readonly #float = new Float32Array(1);
  readonly #bits = new Int32Array(this.#float.buffer);
  #size = 0;

  constructor(capacity: number) {
    this.#keys = new Float64Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  clear(): void {
    this.#size = 0;
  }

  add(id: number, logit: number): void {
    this.#float[0] = logit + 0; // makes 0 of -0, which has other bits
    const bits = this.#bits[0]!;
    const rank = bits < 0 ? 2 ** 31 + (bits & 0x7fffffff) : 2 ** 31 - 1 - bits;
    this.#keys[this.#size] = rank * ID_RANGE + id;
    this.#size += 1;
  }

  /** Brings the tokens into order. They must not contain NaN. */
  sort(): void {
    this.#keys.subarray(0, this.#size).sort();
  }

  /** The id of the token at a place of the order. */
  id(index: number): number {
    const key = this.#keys[index]!;
    return key - Math.floor(key / ID_RANGE) * ID_RANGE; // `%` on doubles is a slow call
  }
}
