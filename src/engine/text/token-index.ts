import type { TokenBytes } from './token-bytes.js';

/** What `find` says where no token has the bytes. */
export const NO_TOKEN = -1;

/** A power of two, and more than twice the vocabulary, so that most lookups end at the first slot. */
const NUM_SLOTS = 2 ** 17;

/** Finds the token that has given bytes: a hash table without objects, over the vocabulary's own bytes. */
export class TokenIndex {
  /** The most bytes that a token has. */
  readonly maxTokenLength: number;
  readonly #tokens: TokenBytes;
  readonly #slots = new Int32Array(NUM_SLOTS).fill(NO_TOKEN);

  constructor(tokens: TokenBytes) {
    this.#tokens = tokens;
    let maxTokenLength = 0;
    for (let id = 0; id < tokens.size; id += 1) {
      const start = tokens.offsets[id]!;
      const end = tokens.offsets[id + 1]!;
      if (start === end) continue;
      maxTokenLength = Math.max(maxTokenLength, end - start);
      let slot = firstSlot(tokens.bytes, start, end);
      while (this.#slots[slot] !== NO_TOKEN) slot = (slot + 1) % NUM_SLOTS;
      this.#slots[slot] = id;
    }
    this.maxTokenLength = maxTokenLength;
  }

  /** Gives the id of the token that is bytes[start, end), or NO_TOKEN. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length > this.maxTokenLength) return NO_TOKEN;
    const tokens = this.#tokens;
    for (let slot = firstSlot(bytes, start, end); ; slot = (slot + 1) % NUM_SLOTS) {
      const id = this.#slots[slot]!;
      if (id === NO_TOKEN) return NO_TOKEN;
      const offset = tokens.offsets[id]!;
      if (tokens.offsets[id + 1]! - offset !== length) continue;
      let same = 0;
      while (same < length && tokens.bytes[offset + same] === bytes[start + same]) same += 1;
      if (same === length) return id;
    }
  }
}

/** FNV-1a of bytes[start, end), folded to a slot. */
function firstSlot(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i += 1) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return ((hash >>> 15) ^ hash) & (NUM_SLOTS - 1);
}
