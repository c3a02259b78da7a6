import { BytePairMerger } from './byte-pair-merger.js';
import { TokenBound } from './token-bound.js';
import { END_OF_TEXT, END_OF_TEXT_ID, loadTokenBytes, type TokenBytes } from './token-bytes.js';
import { NO_TOKEN, TokenIndex } from './token-index.js';

/** A text's tokens, or that there are more of them than were allowed: at least `atLeast`. */
export type Encoding =
  | { readonly tooLong: false; readonly ids: number[] }
  | { readonly tooLong: true; readonly atLeast: number };

/**
 * GPT-2's rule for cutting text into pre-tokens, which tokens never span: contractions, letters, numbers and
 * other characters, each with a space before it, and whitespace. It is Unicode's White_Space, as in the original
 * and in tiktoken; JavaScript's `\s` (and gpt-tokenizer with it) lacks U+0085 and has U+FEFF.
 */
const PRE_TOKEN =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/**
 * GPT-2's tokenizer: the same ids as tiktoken's r50k_base, with `<|endoftext|>` as the special token.
 *
 * It takes time for what fits only. A text that can't fit is refused by its length, or by a look at its bytes,
 * or at the first token too many; no text makes it slow, however long its words.
 */
export class Tokenizer {
  /** The bytes of each token. */
  readonly tokenBytes: TokenBytes;
  readonly #index: TokenIndex;
  readonly #merger: BytePairMerger;
  readonly #encoder = new TextEncoder();
  readonly #bound: TokenBound;

  constructor(tokenBytes: TokenBytes) {
    this.tokenBytes = tokenBytes;
    this.#index = new TokenIndex(tokenBytes);
    this.#merger = new BytePairMerger(this.#index);
    this.#bound = new TokenBound(tokenBytes);
  }

  /**
   * Turns text into tokens. A lone surrogate, which UTF-8 can't express, counts as U+FFFD.
   *
   * @param maxTokens The most tokens that the caller can use.
   */
  encode(text: string, maxTokens: number): Encoding {
    // A UTF-16 code unit takes a byte or more.
    const { maxTokenLength } = this.#index;
    if (text.length > maxTokens * maxTokenLength) {
      return { tooLong: true, atLeast: Math.ceil(text.length / maxTokenLength) };
    }
    const bytes = this.#encoder.encode(text);
    const atLeast = this.#bound.leastTokens(bytes);
    if (atLeast > maxTokens) return { tooLong: true, atLeast };

    const ids: number[] = [];
    let start = 0;
    for (const piece of splitText(text)) {
      const end = start + numBytes(bytes, start, piece.length);
      if (piece.special) ids.push(END_OF_TEXT_ID);
      else this.#encodePiece(bytes.subarray(start, end), ids);
      if (ids.length > maxTokens) return { tooLong: true, atLeast: ids.length };
      start = end;
    }
    return { tooLong: false, ids };
  }

  #encodePiece(bytes: Uint8Array, ids: number[]): void {
    const id = this.#index.find(bytes, 0, bytes.length);
    if (id !== NO_TOKEN) ids.push(id);
    else for (const part of this.#merger.merge(bytes)) ids.push(part);
  }
}

/** Loads GPT-2's vocabulary and makes its tokenizer. Takes some 60 ms the first time: call it once. */
export async function createTokenizer(): Promise<Tokenizer> {
  return new Tokenizer(await loadTokenBytes());
}

/** A pre-token, or the special token, by its length in UTF-16 code units. */
interface Piece {
  readonly length: number;
  readonly special: boolean;
}

/** Cuts text into pieces without gaps. The special token separates texts that know nothing of each other. */
function* splitText(text: string): Generator<Piece> {
  let special = false;
  for (const part of text.split(END_OF_TEXT)) {
    if (special) yield { length: END_OF_TEXT.length, special };
    special = true;
    let start = 0;
    while (start < part.length) {
      PRE_TOKEN.lastIndex = start;
      PRE_TOKEN.test(part); // always matches, at `start`: each character is in one of its classes
      yield { length: PRE_TOKEN.lastIndex - start, special: false };
      start = PRE_TOKEN.lastIndex;
    }
  }
}

/** How many bytes of UTF-8, from `start` on, make this many UTF-16 code units. */
function numBytes(bytes: Uint8Array, start: number, numUnits: number): number {
  let end = start;
  for (let units = 0; units < numUnits; units += 1) {
    const lead = bytes[end]!;
    if (lead < 0x80) end += 1;
    else if (lead < 0xe0) end += 2;
    else if (lead < 0xf0) end += 3;
    else {
      end += 4;
      units += 1; // a surrogate pair
    }
  }
  return end - start;
}
