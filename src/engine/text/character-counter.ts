/**
 * Counts the characters (Unicode code points) of a stream of bytes: as many as a `TextDecoder` makes of them, U+FFFD
 * for what is none included, as the WHATWG Encoding Standard says.
 */
export class CharacterCounter {
  #numBegun: number;
  /** Bytes that the last character lacks, and the bounds of the next one. */
  #numMissing = 0;
  #lower = 0x80;
  #upper = 0xbf;

  /** @param numBefore how many characters come before the first byte */
  constructor(numBefore = 0) {
    this.#numBegun = numBefore;
  }

  /** How many characters have begun. */
  get numCharacters(): number {
    return this.#numBegun;
  }

  /** Adds bytes, and returns how many characters come before them; within a character, before that one. */
  add(bytes: Uint8Array): number {
    const [first] = bytes;
    const isWithin = first !== undefined && this.#continues(first);
    const offset = this.#numBegun - (isWithin ? 1 : 0);
    for (const byte of bytes) this.#addByte(byte);
    return offset;
  }

  #continues(byte: number): boolean {
    return this.#numMissing > 0 && byte >= this.#lower && byte <= this.#upper;
  }

  #addByte(byte: number): void {
    if (this.#continues(byte)) {
      this.#numMissing -= 1;
      this.#lower = 0x80;
      this.#upper = 0xbf;
      return;
    }
    this.#numBegun += 1;
    this.#numMissing = numContinuations(byte);
    // What would be too long a form, a surrogate, or beyond the last code point breaks off after its first byte.
    this.#lower = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    this.#upper = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
  }
}

/** How many bytes follow the first one of a character. */
function numContinuations(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return 1;
  return lead < 0xf0 ? 2 : 3;
}
