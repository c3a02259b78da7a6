/** Measurements older than this say nothing any more: requests are then taken, and measured again. */
const STALE_MS = 10_000;
/** The weight of the newest measurement. */
const WEIGHT = 0.3;

/**
 * How fast the queue moves: the time from one admission to the next while somebody waits. Whatever the queue is for
 * (places, prefill, memory), that is what it costs to be behind others. Pure: the clock is the caller's.
 */
export class AdmissionPace {
  #msPerAdmission: number | undefined;
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
      const ms = (nowMs - this.#sinceMs) / numAdmitted;
      const before = this.#msPerAdmission;
      this.#msPerAdmission = before === undefined ? ms : before + WEIGHT * (ms - before);
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
    return this.#numWaiting === 0 || !this.#isKnown(nowMs) ? 0 : numBefore * (this.#msPerAdmission ?? 0);
  }

  #isKnown(nowMs: number): boolean {
    return this.#msPerAdmission !== undefined && nowMs - this.#knownAtMs <= STALE_MS;
  }
}
