/** How much a bucket holds, and how fast it fills. */
export interface BucketRate {
  /** What it holds when it is full, more than 0. */
  readonly capacity: number;
  /** What flows in every millisecond. */
  readonly perMs: number;
}

/**
 * A token bucket: full at first, and filling evenly. It can be overdrawn, since what a request takes is known only when
 * it is there; whoever comes next waits until the debt is paid. Pure: the clock is the caller's.
 */
export class Bucket {
  /** What has been taken and not flowed in again. */
  #taken = 0;
  #atMs = 0;

  /** Milliseconds until this much is there; 0 if it is now. */
  waitMs(amount: number, { capacity, perMs }: BucketRate, nowMs: number): number {
    const missing = this.#takenAt(perMs, nowMs) + amount - capacity;
    return missing <= 0 ? 0 : missing / perMs;
  }

  /** Takes this much, whether or not it is there. */
  take(amount: number, { perMs }: BucketRate, nowMs: number): void {
    this.#taken = this.#takenAt(perMs, nowMs) + amount;
    this.#atMs = nowMs;
  }

  #takenAt(perMs: number, nowMs: number): number {
    return Math.max(0, this.#taken - (nowMs - this.#atMs) * perMs);
  }
}
