import type { TokenLogprob } from '../completion.js';
import type { RowLogprob } from '../sampling/row-logprob.js';
import { CharacterCounter } from '../text/character-counter.js';
import type { TokenBytes } from '../text/token-bytes.js';

/** Tells of the tokens of one text, in order, what the engine's core told of their logits. */
export class TokenLogprobs {
  readonly #tokenBytes: TokenBytes;
  readonly #characters: CharacterCounter;

  /** @param textOffset where the text begins, in characters */
  constructor(tokenBytes: TokenBytes, textOffset = 0) {
    this.#tokenBytes = tokenBytes;
    this.#characters = new CharacterCounter(textOffset);
  }

  /**
   * Describes the next token.
   *
   * @param row undefined where nothing precedes it
   * @param numTop how many of the row's most probable tokens are told
   */
  describe(tokenId: number, row: RowLogprob | undefined, numTop: number): TokenLogprob {
    const tokenBytes = this.#tokenBytes.bytesOf(tokenId);
    const top = (row?.top ?? []).slice(0, numTop).map((token) => ({
      ...token,
      tokenBytes: this.#tokenBytes.bytesOf(token.tokenId),
    }));
    const textOffset = this.#characters.add(tokenBytes);
    return { logprob: row?.logprob, rank: row?.rank, tokenBytes, textOffset, top };
  }
}
