import type { ScheduledStep } from '../scheduling/scheduled-step.js';
import type { Sequence } from '../scheduling/sequence.js';
import type { SequenceOutput, StepOutput, StepStats } from './step-output.js';

/** Counts what one step does. */
export class StepMeter {
  readonly #startedAtMs: number;
  readonly #stats: { -readonly [Key in keyof StepStats]: StepStats[Key] } = {
    ...{ durationMs: 0, numSequences: 0, isPrefill: false, computedTokens: 0, generatedTokens: 0 },
    ...{ promptTokens: 0, cachedTokens: 0, wastedPromptTokens: 0, wastedCompletionTokens: 0 },
  };

  /** @param startedAtMs by the clock of the core */
  constructor(startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
  }

  /** Sequences got their places; siblings of another one share its prompt. */
  noteAdmitted(sequences: readonly Sequence[]): void {
    for (const { slot, numPromptTokens, numCachedTokens } of sequences) {
      if (slot === undefined) continue;
      this.#stats.promptTokens += numPromptTokens;
      this.#stats.cachedTokens += numCachedTokens;
    }
  }

  /** A step is about to run. */
  noteStep({ batches }: ScheduledStep): void {
    for (const { sequences, numNewTokens } of batches) {
      this.#stats.numSequences += sequences.length;
      this.#stats.isPrefill ||= sequences.some(({ numPendingTokens }) => numPendingTokens > 1);
      for (const { numPendingTokens, numDraftTokens } of sequences) {
        this.#stats.computedTokens += Math.min(numNewTokens, numPendingTokens + numDraftTokens);
      }
    }
  }

  /** What was computed of this sequence was for nothing. */
  noteWaste({ candidate, numComputedTokens, numCachedTokens, numPromptTokens, numTokens }: Sequence): void {
    const numComputedOfPrompt = Math.min(numComputedTokens, numPromptTokens);
    // The other candidates have its prompt from the first.
    if (candidate === 0) {
      this.#stats.wastedPromptTokens += Math.max(0, numComputedOfPrompt - numCachedTokens);
    }
    this.#stats.wastedCompletionTokens += numTokens - numPromptTokens;
  }

  /** The step is over. */
  read(outputs: readonly SequenceOutput[], atMs: number): Pick<StepOutput, 'atMs' | 'stats'> {
    const generatedTokens = outputs.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
    return { atMs, stats: { ...this.#stats, generatedTokens, durationMs: atMs - this.#startedAtMs } };
  }
}
