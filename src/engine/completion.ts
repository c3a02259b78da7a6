import type { RequestListener } from './observer.js';
import type { SamplingParams } from './sampling/sampling-params.js';

/** A text as a request gives it. */
export interface Prompt {
  /** The field of the request that holds it, for errors: `prompts[2].text`. */
  readonly field: string;
  /** Text, or token ids in [0, vocabulary size). Not empty. */
  readonly input: string | readonly number[];
}

/** Completions to make. Its fields have been checked against their ranges; the model's limits have not. */
export interface GenerateRequest {
  /** The model's id; empty for the default model. */
  readonly model: string;
  /** What to continue, each by itself. At least one. */
  readonly prompts: readonly Prompt[];
  /** Choices to make of each prompt, at least 1. */
  readonly n: number;
  /** Candidates to make of each prompt, of which the best become its choices; at least `n`. */
  readonly bestOf: number;
  /** The most tokens to generate for each; 0 for none. */
  readonly maxTokens: number;
  /** How tokens are chosen, and which end the completion. */
  readonly sampling: SamplingParams;
  /** Strings that end the completion, each not empty. */
  readonly stop: readonly string[];
  /** Whether the stop string or the stop token's text is left at the end of the text. */
  readonly includeStop: boolean;
  /** Whether each choice begins with its prompt. */
  readonly echo: boolean;
  /** How many most probable tokens are told beside each token's logprob; undefined: no logprobs are told. */
  readonly logprobs: number | undefined;
  /**
   * When the completion must be there, by the clock of `Date.now`; undefined for no deadline. A request that can't begin
   * in time is refused at once; one that is not done then ends with DEADLINE_EXCEEDED, after what there is.
   */
  readonly deadlineAtMs?: number | undefined;
  /** On whose behalf it is, as {@link Engine} takes it for an opaque name: tenants take turns. Default: nobody's. */
  readonly tenant?: string | undefined;
  /** Is told what became of the request. Default: nobody. */
  readonly onEnd?: RequestListener | undefined;
}

/** Comes first, once: the request has its first place, and its prompts are about to be computed. */
export interface AcceptedEvent {
  readonly type: 'accepted';
  /** The id of the model that answers. */
  readonly model: string;
  /** Of the model that answers, as {@link ModelShape.fingerprint}. */
  readonly systemFingerprint: string;
  /** The tokens of each prompt. */
  readonly prompts: readonly Int32Array[];
  /** Tokens of the first prompt that were computed for an earlier one. */
  readonly cachedTokens: number;
}

/** Comes any number of times: what a choice got since its last one. A slow reader gets fewer and larger ones. */
export interface DeltaEvent {
  readonly type: 'delta';
  /** The choice: `p * n + i` for choice `i` of prompt `p`. */
  readonly index: number;
  /** Whole characters; empty while a stop string or a character may be forming. */
  readonly text: string;
  /** The tokens since the last delta; they may run ahead of `text`. */
  readonly tokenIds: readonly number[];
  /** The exact bytes of `tokenIds`. */
  readonly tokenBytes: Uint8Array;
  /** One for each of `tokenIds`; empty unless they are asked for. */
  readonly logprobs: readonly TokenLogprob[];
  /** How many of `tokenIds`, the first ones, are the prompt's. */
  readonly echoedTokens: number;
}

/** How probable a token was under the model, before any change that the request asks for. */
export interface TokenLogprob {
  /** The natural logarithm of its probability, in [-9999, 0]; undefined for a prompt's first token. */
  readonly logprob: number | undefined;
  /** How many tokens were at least as probable, itself included; undefined where `logprob` is. */
  readonly rank: number | undefined;
  /** The exact bytes of the token. */
  readonly tokenBytes: Uint8Array;
  /** Where its text begins, in code points from the start of the prompt, or of the text that is scored. */
  readonly textOffset: number;
  /** The most probable tokens, the most probable first, as many as the request asks for. */
  readonly top: readonly TopToken[];
}

/** A token that could have come. */
export interface TopToken {
  readonly tokenId: number;
  readonly tokenBytes: Uint8Array;
  /** In [-9999, 0]. */
  readonly logprob: number;
}

/** Comes once for each choice, as its last event. */
export interface FinishedEvent {
  readonly type: 'finished';
  /** The choice, as in {@link DeltaEvent}. */
  readonly index: number;
  readonly finishReason: 'stop' | 'length';
  /** What stopped it, where `finishReason` is 'stop': the matched string, or the id of the token that ended it. */
  readonly stop: string | number | undefined;
  /** Of the whole request, so far. */
  readonly usage: Usage;
  /** Of the choice. */
  readonly timings: Timings;
}

/** An event of a request: one accepted, any number of deltas, one finished for each choice. */
export type GenerateEvent = AcceptedEvent | DeltaEvent | FinishedEvent;

/** Counts what a request consumed. */
export interface Usage {
  /** Tokens of all prompts, each counted once; of a context that is scored, once for all continuations. */
  readonly promptTokens: number;
  /** Tokens generated for all candidates, a stop string's and the token that ended the completion included. */
  readonly completionTokens: number;
  /** Those that were computed for an earlier prompt; a part of `promptTokens`. */
  readonly cachedTokens: number;
  /** Tokens that were guessed from the text so far and held; a part of `completionTokens`. */
  readonly acceptedPredictionTokens: number;
}

/** Where a choice's time went. */
export interface Timings {
  /** From the request's arrival to the choice's first step. Milliseconds. */
  readonly queueMs: number;
  /** From the first step to the first token. Milliseconds. */
  readonly prefillMs: number;
  /** From the first token to the last. Milliseconds. */
  readonly decodeMs: number;
}
