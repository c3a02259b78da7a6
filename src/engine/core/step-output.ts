import type { RowLogprob } from '../sampling/row-logprob.js';
import type { SequenceFinishReason } from '../scheduling/sequence.js';

/** What one step brought about. */
export interface StepOutput {
  /** Sequences that got their place, in order. */
  readonly started: readonly StartedSequence[];
  /** What there is of each sequence that has come to its logits; a prompt's before those of its candidates. */
  readonly outputs: readonly SequenceOutput[];
  /** When the tokens were there, by the clock of the core. Milliseconds. */
  readonly atMs: number;
}

/** Names a sequence: its request, and its index there. */
export interface SequenceName {
  readonly groupId: number;
  readonly index: number;
}

/** A sequence that got its place. */
export interface StartedSequence extends SequenceName {
  /** Tokens of its prompt that need no computing; a sibling's are those of the first. */
  readonly cachedTokens: number;
  readonly queueMs: number;
  /** By the clock of the core. Milliseconds. */
  readonly firstStepAtMs: number;
}

/** What a step gave of one sequence. */
export interface SequenceOutput extends SequenceName {
  /** None while it prefills; then one, and behind it those that drafts had right. */
  readonly tokenIds: readonly number[];
  /** One for each of `tokenIds`; undefined unless they are asked for. */
  readonly logprobs: readonly RowLogprob[] | undefined;
  /** Those of the prompt's next tokens; undefined unless there are any. */
  readonly promptLogprobs: readonly RowLogprob[] | undefined;
  /** Set if the sequence ends, with the last of `tokenIds` as its last. */
  readonly finishReason: SequenceFinishReason | undefined;
}
