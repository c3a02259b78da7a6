/** The bytes of every token of a vocabulary, one after another in one array. */
export class TokenBytes {
  /** All tokens' bytes. */
  readonly bytes: Uint8Array;
  /** Where each token's bytes start, and one more for where the last one's end. */
  readonly offsets: Uint32Array;

  constructor(bytes: Uint8Array, offsets: Uint32Array) {
    this.bytes = bytes;
    this.offsets = offsets;
  }

  /** The number of tokens. */
  get size(): number {
    return this.offsets.length - 1;
  }

  /**
   * Gives a token's bytes, a view that must not be written to. The end-of-text token's are those of its name in texts.
   *
   * @throws RangeError for an id outside the vocabulary.
   */
  bytesOf(id: number): Uint8Array {
    const start = this.offsets[id];
    const end = this.offsets[id + 1];
    if (start === undefined || end === undefined) {
      throw new RangeError(`There is no token ${id}: the vocabulary has ${this.size}.`);
    }
    return this.bytes.subarray(start, end);
  }

  /** Gives each token's bytes, by ascending id. */
  *[Symbol.iterator](): Generator<Uint8Array> {
    for (let id = 0; id < this.size; id += 1) yield this.bytesOf(id);
  }

  /** Gives the bytes of several tokens in one new array. */
  concatenate(ids: readonly number[] | Int32Array): Uint8Array {
    let length = 0;
    for (const id of ids) length += this.bytesOf(id).length;
    const joined = new Uint8Array(length);
    let end = 0;
    for (const id of ids) {
      const bytes = this.bytesOf(id);
      joined.set(bytes, end);
      end += bytes.length;
    }
    return joined;
  }
}

/** GPT-2's end-of-text token, the one special token that it has: between documents. In a completion it has no text. */
export const END_OF_TEXT_ID = 50_256;

/** How the end-of-text token is written in a prompt. */
export const END_OF_TEXT = '<|endoftext|>';

/**
 * Loads GPT-2's vocabulary of 50,257 tokens. A token's id is its rank in the merges, too. Takes some 40 ms the
 * first time, mostly for parsing the table, which is why nothing imports it statically.
 */
export async function loadTokenBytes(): Promise<TokenBytes> {
  const { default: ranks } = await import('gpt-tokenizer/bpeRanks/r50k_base');
  const encoder = new TextEncoder();
  const offsets = new Uint32Array(END_OF_TEXT_ID + 2);
  // A string holds a token that is UTF-8, an array one that is not; three bytes a UTF-16 code unit are enough.
  const capacity = ranks.reduce((sum, token) => sum + token.length * 3, END_OF_TEXT.length);
  const bytes = new Uint8Array(capacity);
  let end = 0;
  for (let id = 0; id < END_OF_TEXT_ID; id += 1) {
    const token = ranks[id];
    if (token === undefined) throw new Error(`gpt-tokenizer's table r50k_base lacks token ${id}.`);
    if (typeof token === 'string') {
      end += encoder.encodeInto(token, bytes.subarray(end)).written;
    } else {
      bytes.set(token, end);
      end += token.length;
    }
    offsets[id + 1] = end;
  }
  end += encoder.encodeInto(END_OF_TEXT, bytes.subarray(end)).written;
  offsets[END_OF_TEXT_ID + 1] = end;
  return new TokenBytes(bytes.slice(0, end), offsets);
}
