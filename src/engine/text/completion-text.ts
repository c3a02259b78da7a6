import { Detokenizer } from './detokenizer.js';
import { StopChecker } from './stop-checker.js';

/** What ends a completion's text. */
export interface StopOptions {
  /** Strings that end it, each not empty and well-formed. */
  readonly stop: readonly string[];
  /** Whether the one that does is left at the end. */
  readonly includeStop: boolean;
  /** In the text of so many tokens, from the start, they mean nothing. */
  readonly minTokens: number;
}

/** Makes the text of a completion from its tokens' bytes, up to a stop string. */
export class CompletionText {
  readonly #options: StopOptions;
  readonly #detokenizer = new Detokenizer();
  readonly #stopChecker: StopChecker;
  #numTokens = 0;

  constructor(options: StopOptions) {
    this.#options = options;
    this.#stopChecker = new StopChecker(options.stop);
  }

  /** The stop string that ended the text. */
  get matched(): string | undefined {
    return this.#stopChecker.matched;
  }

  /** Adds a token's bytes, and gives the text that is sure by now. */
  push(bytes: Uint8Array): string {
    this.#numTokens += 1;
    return this.#search(this.#detokenizer.push(bytes));
  }

  /**
   * Ends the text, and gives what was held back. A stop string may still match: it may end in the U+FFFD of a broken
   * character.
   *
   * @param bytes the token's that ended it, where they are to be left at the end
   */
  end(bytes?: Uint8Array): string {
    if (bytes === undefined) return this.#search(this.#detokenizer.flush()) + this.#stopChecker.flush();
    return this.#stopChecker.flush() + this.#detokenizer.push(bytes) + this.#detokenizer.flush();
  }

  #search(text: string): string {
    const { includeStop, minTokens } = this.#options;
    if (this.#numTokens <= minTokens) return text;
    const sure = this.#stopChecker.push(text);
    return includeStop ? sure + (this.matched ?? '') : sure;
  }
}
