import type { Delta, Finished, TokenLogprob } from '../../contract/gen/linnet/v1/completion.js';
import { toLogprobs } from './completion-logprobs.js';
import { toEnding } from './completion-response.js';
import type { CompletionChoice } from './completion-schemas.js';

/** What a request wants to see of its choices. */
export interface ChoiceOptions {
  /** Whether it wants log-probabilities. */
  readonly includeLogprobs: boolean;
  /** Whether it wants to know where their time went. */
  readonly includeTimings: boolean;
  /** The tokens of the choice's prompt, where it wants token ids. */
  readonly promptTokenIds?: number[] | undefined;
}

/** Gathers what comes of one choice. */
export class ChoiceCollector {
  #text = '';
  readonly #tokenIds: number[] = [];
  readonly #logprobs: TokenLogprob[] = [];

  /** The text that came so far. */
  get text(): string {
    return this.#text;
  }

  /** Takes what came. */
  add({ text, tokenIds, echoedTokens, logprobs }: Delta): void {
    this.#text += text;
    for (const id of tokenIds.slice(echoedTokens)) this.#tokenIds.push(id);
    for (const entry of logprobs) this.#logprobs.push(entry);
  }

  /** Makes the choice of all that came. */
  finish(finished: Finished, options: ChoiceOptions): CompletionChoice {
    const { includeLogprobs, promptTokenIds } = options;
    return {
      text: this.#text,
      index: finished.index,
      logprobs: includeLogprobs ? toLogprobs(this.#logprobs) : null,
      ...toEnding(finished, options),
      ...(promptTokenIds && { token_ids: this.#tokenIds, prompt_token_ids: promptTokenIds }),
    };
  }
}
