/** A queue that was full has room again when it is this much shorter: under overload it would come and go otherwise. */
const ROOM_SHARE = 0.25;

/** Knows whether a worker's queue takes requests, from what it refused and how long it is. */
export class QueueRoom {
  #fullAt: number | undefined;

  /** Whether it has refused a request, and is still nearly as long. */
  get isFull(): boolean {
    return this.#fullAt !== undefined;
  }

  /** A request was refused while so many waited. */
  refuse(numWaiting: number): void {
    this.#fullAt = numWaiting;
  }

  /** So many requests wait now. */
  update(numWaiting: number): void {
    if (this.#fullAt !== undefined && numWaiting <= this.#fullAt * (1 - ROOM_SHARE)) this.#fullAt = undefined;
  }
}
