/** Measurements older than this say nothing any more: requests are then taken, and measured again. */
const STALE_MS = 10_000;
/**
 * How many admissions are remembered. Requests of equal length are admitted in bursts, since they end together: fewer than
 * a burst and its pause would say now that the queue stands still, now that it costs nothing to be in it.
 */
const MEMORY = 64;

/**
 * How fast the queue moves: the time that admissions took while somebody waited, over their number. Whatever the queue is
 * for (places, prefill, memory), that is what it costs to be behind others. Pure: the clock is the caller's.
 */
export class AdmissionPace {
  /** Both of the last admissions; older ones count less and less. */
  #ms = 0;
  #numAdmitted = 0;
  /** When it was last known to hold: measured, or at the end of a step that left somebody waiting since. */
  #knownAtMs = 0;
  #numWaiting = 0;
  /** The last admission, or the beginning of the queue. */
  #sinceMs = 0;

  /** A step admitted so many requests, and left others waiting. */
  step(numAdmitted: number, numWaiting: number, nowMs: number): void {
    const waited = this.#numWaiting > 0;
    if (waited && this.#isKnown(nowMs)) this.#knownAtMs = nowMs;
    if (numAdmitted > 0 && waited) {
      if (!this.#isKnown(nowMs)) this.#numAdmitted = this.#ms = 0;
      const kept = Math.max(0, 1 - numAdmitted / MEMORY);
      this.#ms = this.#ms * kept + nowMs - this.#sinceMs;
      this.#numAdmitted = this.#numAdmitted * kept + numAdmitted;
      this.#knownAtMs = nowMs;
    }
    if (numAdmitted > 0 || !waited) this.#sinceMs = nowMs;
    this.#numWaiting = numWaiting;
  }

  /**
   * Estimates how long a request that comes now waits at least for its turn: as long as those before it. 0 where the last
   * step left nobody waiting, or nothing is known.
   */
  leastWaitMs(numBefore: number, nowMs: number): number {
    if (this.#numWaiting === 0 || !this.#isKnown(nowMs)) return 0;
    return (numBefore * this.#ms) / this.#numAdmitted;
  }

  #isKnown(nowMs: number): boolean {
    return this.#numAdmitted > 0 && nowMs - this.#knownAtMs <= STALE_MS;
  }
}
