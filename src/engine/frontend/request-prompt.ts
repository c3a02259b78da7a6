import type { TokenLogprob } from '../completion.js';
import type { RowLogprob } from '../sampling/row-logprob.js';
import { CharacterCounter } from '../text/character-counter.js';
import { toText } from '../text/text-tokens.js';
import type { TokenBytes } from '../text/token-bytes.js';
import { TokenLogprobs } from './token-logprobs.js';

/** One prompt of a request, which its choices share. What is made of it is made once, when it is first asked for. */
export class RequestPrompt {
  readonly ids: Int32Array;
  readonly #tokenBytes: TokenBytes;
  readonly #rows: RowLogprob[] = [];
  #text: string | undefined;
  #numCharacters: number | undefined;
  #logprobs: readonly TokenLogprob[] | undefined;

  /** @param text As the caller wrote it; undefined where ids were given. */
  constructor(ids: Int32Array, text: string | undefined, tokenBytes: TokenBytes) {
    this.ids = ids;
    this.#text = text;
    this.#tokenBytes = tokenBytes;
  }

  /** The text: the caller's own, or what the ids say. */
  get text(): string {
    this.#text ??= toText(this.#tokenBytes.concatenate(this.ids));
    return this.#text;
  }

  /** How many code points the text has. */
  get numCharacters(): number {
    if (this.#numCharacters === undefined) {
      const characters = new CharacterCounter();
      for (const id of this.ids) characters.add(this.#tokenBytes.bytesOf(id));
      this.#numCharacters = characters.numCharacters;
    }
    return this.#numCharacters;
  }

  /** Takes what the core told of the next of its tokens; of the first it tells nothing. */
  addRows(rows: readonly RowLogprob[]): void {
    this.#rows.push(...rows);
  }

  /** Tells of each token, once the core has told of all. */
  logprobs(numTop: number): readonly TokenLogprob[] {
    if (this.#logprobs === undefined) {
      const described = new TokenLogprobs(this.#tokenBytes);
      this.#logprobs = Array.from(this.ids, (id, i) => described.describe(id, this.#rows[i - 1], numTop));
    }
    return this.#logprobs;
  }
}
