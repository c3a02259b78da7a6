import type { SequenceGroup } from './sequence-group.js';

/** The queue's bounds. */
export interface WaitingLimits {
  /** The most requests that wait. */
  readonly maxWaiting: number;
  /** The most prompt tokens, in all, of those of which nothing runs yet. */
  readonly maxWaitingTokens: number;
}

/**
 * The requests that wait, or of which some sequences do, in the order of their turns. A request that got places for
 * some of its sequences goes to the end, so that those of many hold up nobody for long.
 */
export class WaitingQueue {
  readonly #limits: WaitingLimits;
  readonly #groups: SequenceGroup[] = [];

  constructor(limits: WaitingLimits) {
    this.#limits = limits;
  }

  /** How many requests wait of which nothing runs yet. */
  get numNew(): number {
    return this.#groups.filter(({ isNew }) => isNew).length;
  }

  /**
   * Queues a request; false if the queue is full.
   *
   * @param numFree how many places are free: as many only wait for the next step to begin, and do not count
   */
  add(group: SequenceGroup, numFree: number): boolean {
    const { maxWaiting, maxWaitingTokens } = this.#limits;
    const waitingTokens = this.#groups.reduce(
      (sum, { isNew, numPromptTokens }) => sum + (isNew ? numPromptTokens : 0),
      group.numPromptTokens,
    );
    // One that is alone may be as long as the context and the contract allow.
    const tooMany = this.numNew > 0 && waitingTokens > maxWaitingTokens;
    if (tooMany || this.numNew >= maxWaiting + numFree) return false;
    this.#groups.push(group);
    return true;
  }

  /** The first request, in the order of turns, for which this holds. */
  find(predicate: (group: SequenceGroup) => boolean): SequenceGroup | undefined {
    return this.#groups.find(predicate);
  }

  /** Some sequences of a request got their places: the others' turn comes after everybody's. */
  passTurn(group: SequenceGroup): void {
    this.remove(group);
    if (group.isWaiting) this.#groups.push(group);
  }

  /** Takes a request out, if it is there. */
  remove(group: SequenceGroup): void {
    const index = this.#groups.indexOf(group);
    if (index >= 0) this.#groups.splice(index, 1);
  }
}
