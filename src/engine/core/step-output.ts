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
  readonly stats: StepStats;
}

/** What a step did, in numbers. */
export interface StepStats {
  readonly durationMs: number;
  /** Sequences that it advanced; 0 where it only let some in or go. */
  readonly numSequences: number;
  /** Whether it computed a part of a prompt; else it decoded. */
  readonly isPrefill: boolean;
  /** Tokens of prompts and completions that it computed, drafts included. */
  readonly computedTokens: number;
  readonly generatedTokens: number;
  /** Tokens of the prompts that got their places; a prompt that several candidates share counts once. */
  readonly promptTokens: number;
  /** Of those, the ones that need no computing. */
  readonly cachedTokens: number;
  /** Tokens that had been computed for requests which were then aborted: of their prompts, and of their completions. */
  readonly wastedPromptTokens: number;
  readonly wastedCompletionTokens: number;
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
