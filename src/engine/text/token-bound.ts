/**
 * Tells how few tokens bytes can make, without making any. A byte is alone in its token, or there with the byte
 * before or after it, so its token is no longer than the longest one that has either pair; a token is at least
 * the sum of its bytes' shares, one over that length each.
 */
export class TokenBound {
  /** The length of the longest token with each pair of bytes; 0 where none has it. */
  readonly #longest = new Uint8Array(2 ** 16);

  /** @param tokens All tokens' bytes, 255 at the most in each. */
  constructor(tokens: Iterable<Uint8Array>) {
    for (const token of tokens) {
      for (let i = 1; i < token.length; i += 1) {
        const pair = pairOf(token, i);
        this.#longest[pair] = Math.max(this.#longest[pair]!, token.length);
      }
    }
  }

  /** The number of tokens below which no encoding of these bytes is. Takes a nanosecond or two a byte. */
  leastTokens(bytes: Uint8Array): number {
    let sum = 0;
    let before = 0;
    for (let i = 0; i < bytes.length; i += 1) {
      const after = i + 1 < bytes.length ? this.#longest[pairOf(bytes, i + 1)]! : 0;
      sum += 1 / Math.max(before, after, 1);
      before = after;
    }
    return Math.ceil(sum - 1e-6); // the sum's own rounding is far below that
  }
}

/** The byte at an index and the one before it, as one number. */
function pairOf(bytes: Uint8Array, index: number): number {
  return (bytes[index - 1]! << 8) | bytes[index]!;
}
