import type { Prompt, TokenLogprob, Usage } from './completion.js';
import type { RequestListener } from './observer.js';

/** Texts to score as continuations of a context. Checked as a {@link GenerateRequest} is. */
export interface ScoreRequest {
  /** The model's id; empty for the default model. */
  readonly model: string;
  readonly context: Prompt;
  /** At least one; each is scored by itself, and its text tokenized by itself. */
  readonly continuations: readonly Prompt[];
  /** How many most probable tokens are told beside each token. */
  readonly logprobs: number;
  /** As that of a {@link GenerateRequest}. */
  readonly tenant?: string | undefined;
  /** When the answer must be there, by the clock of `Date.now`; undefined for whenever it is. */
  readonly deadlineAtMs?: number | undefined;
  /** Is told what became of the request. Default: nobody. */
  readonly onEnd?: RequestListener | undefined;
}

/** How probable texts are. */
export interface ScoreResult {
  /** The id of the model that answers. */
  readonly model: string;
  readonly systemFingerprint: string;
  /** One for each continuation, in order. */
  readonly scores: readonly Score[];
  readonly usage: Usage;
}

/** How probable one continuation is. */
export interface Score {
  readonly tokenIds: readonly number[];
  /** One for each token. */
  readonly logprobs: readonly TokenLogprob[];
  /** Whether greedy decoding would have said this. */
  readonly isGreedy: boolean;
}
