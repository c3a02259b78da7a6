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
  #measuredAtMs = 0;
  #numWaiting = 0;
  /** The last admission, or the beginning of the queue. */
  #sinceMs = 0;

  /** A step admitted some, and left others waiting. */
  step(numAdmitted: number, numWaiting: number, nowMs: number): void {
    if (numAdmitted > 0 && this.#numWaiting > 0) {
      const ms = (nowMs - this.#sinceMs) / numAdmitted;
      const before = this.#msPerAdmission;
      this.#msPerAdmission = before === undefined ? ms : before + WEIGHT * (ms - before);
      this.#measuredAtMs = nowMs;
    }
    if (numAdmitted > 0 || this.#numWaiting === 0) this.#sinceMs = nowMs;
    this.#numWaiting = numWaiting;
  }

  /**
   * Estimates how long a request that comes now waits at least for its turn: as long as those before it. 0 where nobody
   * waits, or nothing is known.
   */
  leastWaitMs(nowMs: number): number {
    if (this.#msPerAdmission === undefined || nowMs - this.#measuredAtMs > STALE_MS) return 0;
    return this.#numWaiting * this.#msPerAdmission;
  }
}
