import type { Timings } from '../completion.js';

/** The moments of a completion, on the worker's clock. */
export class StepClock {
  #queueMs = 0;
  #firstStepAtMs = 0;
  #firstTokenAtMs: number | undefined;
  #lastTokenAtMs = 0;

  /** The request leaves the queue, after this long. */
  start(queueMs: number, firstStepAtMs: number): void {
    this.#queueMs = queueMs;
    this.#firstStepAtMs = firstStepAtMs;
  }

  /** A step gave tokens. */
  tick(atMs: number): void {
    this.#firstTokenAtMs ??= atMs;
    this.#lastTokenAtMs = atMs;
  }

  /** Where the time went up to the last tick; without one, there was neither prefill nor decoding. */
  timings(): Timings {
    const firstTokenAtMs = this.#firstTokenAtMs ?? this.#firstStepAtMs;
    return {
      queueMs: this.#queueMs,
      prefillMs: firstTokenAtMs - this.#firstStepAtMs,
      decodeMs: this.#firstTokenAtMs === undefined ? 0 : this.#lastTokenAtMs - firstTokenAtMs,
    };
  }
}
