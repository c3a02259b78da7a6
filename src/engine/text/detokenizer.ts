/**
 * Turns a stream of bytes into text. What it has given out never changes: it keeps the bytes of a character that
 * is not whole yet, three at the most, and makes U+FFFD of what can't become one, as the WHATWG Encoding Standard
 * says. All that it gives out, joined, is what a `TextDecoder` makes of all the bytes, a byte order mark included.
 */
export class Detokenizer {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** Gives the characters that these bytes complete. */
  push(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes, { stream: true });
  }

  /** Ends the stream: gives U+FFFD for a character that is not whole, else nothing. */
  flush(): string {
    return this.#decoder.decode();
  }
}
