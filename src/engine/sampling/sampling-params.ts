/** How the next token is chosen, and which ones end the completion. Every field is in range: whoever makes one has checked it. */
export interface SamplingParams {
  /** Divides the logits, in [0, 2]; 0 is greedy. */
  readonly temperature: number;
  /** Keeps the most probable tokens whose probabilities sum to at least this, in [0, 1]; 1 keeps all. */
  readonly topP: number;
  /** Keeps this many most probable tokens; 0 keeps all. */
  readonly topK: number;
  /** Keeps the tokens that are at least this many times as probable as the most probable, in [0, 1]; 0 keeps all. */
  readonly minP: number;
  /** Makes the choice repeatable: a token is a function of logits, seed and position. Signed 64 bits. */
  readonly seed: bigint;
  /** Subtracted from the logit of each token that has been generated, in [-2, 2]. */
  readonly presencePenalty: number;
  /** Subtracted from a token's logit as often as it has been generated, in [-2, 2]. */
  readonly frequencyPenalty: number;
  /** Divides the positive and multiplies the negative logits of tokens of prompt and completion, in (0, 2]. */
  readonly repetitionPenalty: number;
  /** Added to logits, by token id: in [-100, 100]. */
  readonly logitBias: ReadonlyMap<number, number>;
  /** Until so many tokens are generated nothing ends the completion; at most the request's `maxTokens`. */
  readonly minTokens: number;
  /** Tokens that end the completion, as the end-of-text token does. */
  readonly stopTokenIds: readonly number[];
  /** Whether the end-of-text token is one like any other. */
  readonly ignoreEos: boolean;
}

/** Draws from the model's own distribution, with the seed 0, until the model ends the text. */
export const DEFAULT_SAMPLING: SamplingParams = {
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  seed: 0n,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  logitBias: new Map(),
  minTokens: 0,
  stopTokenIds: [],
  ignoreEos: false,
};
