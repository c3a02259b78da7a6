import type { SequenceOutput, StartedSequence } from '../core/step-output.js';
import type { EngineError } from '../engine-error.js';
import type { RowLogprob } from '../sampling/row-logprob.js';
import type { GroupListener } from './group-listener.js';

/** What the worker told of the continuations of a context. */
export interface CollectedScores {
  /** For each continuation, what was told of each of its tokens. */
  readonly rows: readonly (readonly RowLogprob[])[];
  /** Tokens of the context that were computed for an earlier prompt. */
  readonly cachedTokens: number;
}

/** Collects what the worker tells of the prompts of a request that only scores. */
export class ScoreCollector implements GroupListener {
  /** Fulfilled when all has been told; rejected with what `fail` is given. */
  readonly collected: Promise<CollectedScores>;
  readonly #rows: RowLogprob[][];
  #numLeft: number;
  #cachedTokens = 0;
  #resolve!: (scores: CollectedScores) => void;
  #reject!: (error: EngineError) => void;

  constructor(numPrompts: number) {
    this.#rows = Array.from({ length: numPrompts }, () => []);
    this.#numLeft = numPrompts;
    this.collected = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  start({ index, cachedTokens }: StartedSequence): void {
    // The others find there what the first one computed.
    if (index === 0) this.#cachedTokens = cachedTokens;
  }

  take({ index, promptLogprobs, finishReason }: SequenceOutput): void {
    this.#rows[index]!.push(...(promptLogprobs ?? []));
    if (finishReason !== undefined) this.#numLeft -= 1;
    if (this.#numLeft === 0) this.#resolve({ rows: this.#rows, cachedTokens: this.#cachedTokens });
  }

  fail(error: EngineError): void {
    this.#reject(error);
  }
}
