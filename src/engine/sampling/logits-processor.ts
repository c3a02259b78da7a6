import type { SamplingParams } from './sampling-params.js';

/** Less than this would make infinities of logits. */
const LEAST_REPETITION_PENALTY = 1e-30;

/** What the changes depend on, beside the parameters. */
export interface ProcessedSequence {
  /** The tokens that the repetition penalty counts in. */
  readonly promptIds: Int32Array;
  /** The tokens that end the completion, which `minTokens` puts off. */
  readonly endIds: readonly number[];
}

/**
 * Changes a sequence's logits before each choice: biases, then penalties, then the ban of what would end the
 * completion too early. That is the order of vLLM and of Hugging Face's transformers. One for a sequence: it counts
 * tokens as they come, so a change takes time for the tokens that it concerns, and none for the vocabulary.
 */
export class LogitsProcessor {
  readonly #params: SamplingParams;
  readonly #endIds: readonly number[];
  readonly #repetitionPenalty: number;
  readonly #penalizesGenerated: boolean;
  /** How often each token that a penalty concerns was generated: 0 for one that is in the prompt only. */
  readonly #counts = new Map<number, number>();
  #numGenerated = 0;

  constructor(params: SamplingParams, { promptIds, endIds }: ProcessedSequence) {
    const { presencePenalty, frequencyPenalty, repetitionPenalty } = params;
    this.#params = params;
    this.#endIds = endIds;
    this.#repetitionPenalty = Math.max(repetitionPenalty, LEAST_REPETITION_PENALTY);
    this.#penalizesGenerated = presencePenalty !== 0 || frequencyPenalty !== 0 || repetitionPenalty !== 1;
    if (repetitionPenalty !== 1) for (const id of promptIds) this.#counts.set(id, 0);
  }

  /** Takes note of a token that was generated. */
  append(tokenId: number): void {
    this.#numGenerated += 1;
    if (this.#penalizesGenerated) this.#counts.set(tokenId, (this.#counts.get(tokenId) ?? 0) + 1);
  }

  /** Changes the logits of the next token, in place. */
  apply(logits: Float32Array): void {
    for (const [id, bias] of this.#params.logitBias) logits[id] = logits[id]! + bias;
    for (const [id, count] of this.#counts) logits[id] = this.#penalized(logits[id]!, count);
    if (this.#numGenerated >= this.#params.minTokens) return;
    for (const id of this.#endIds) logits[id] = -Infinity;
  }

  #penalized(logit: number, count: number): number {
    const { presencePenalty, frequencyPenalty } = this.#params;
    const scaled = logit > 0 ? logit / this.#repetitionPenalty : logit * this.#repetitionPenalty;
    return count === 0 ? scaled : scaled - count * frequencyPenalty - presencePenalty;
  }
}
