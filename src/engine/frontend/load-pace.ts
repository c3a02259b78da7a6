/** What a load is expected to take while nothing is known of it. */
const DEFAULT_MS = 2000;
/** A load that takes longer than expected is expected to take this long still. */
const MIN_MS = 500;
const MAX_MS = 60_000;

/**
 * How long a model takes to load, with the wait for memory: as long as the last time, or, while its weights are quantized,
 * as long as the share that is done says. Pure: the clock is the caller's. Milliseconds.
 */
export class LoadPace {
  #lastMs: number | undefined;
  #startedAtMs = 0;
  #share: number | undefined;

  /** While weights are quantized, what share is done, in [0, 1]. */
  get share(): number | undefined {
    return this.#share;
  }

  /** A load begins. */
  start(nowMs: number): void {
    this.#startedAtMs = nowMs;
    this.#share = undefined;
  }

  /** So much is quantized. */
  advance(share: number): void {
    this.#share = share;
  }

  /** The model is in memory. */
  complete(nowMs: number): void {
    // Weights are quantized once: the next load takes less than one that did.
    if (this.#share === undefined) this.#lastMs = nowMs - this.#startedAtMs;
  }

  /** Estimates how long it is until the model that loads is in memory: 500 to 60,000. */
  remainingMs(nowMs: number): number {
    const elapsedMs = nowMs - this.#startedAtMs;
    const share = this.#share ?? 0;
    const totalMs = share > 0 ? elapsedMs / share : (this.#lastMs ?? DEFAULT_MS);
    return Math.ceil(Math.min(Math.max(totalMs - elapsedMs, MIN_MS), MAX_MS));
  }
}
