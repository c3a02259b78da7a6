import type { Sequence } from './sequence.js';
import type { SequenceGroup } from './sequence-group.js';
import { WaitingQueue } from './waiting-queue.js';

/** What can be had. */
export interface AdmissionLimits {
  /** The most sequences that have their places at a time. */
  readonly maxRunning: number;
  /**
   * The KV cache's budget in positions. What a sequence may come to need is reserved when it is admitted; what is left
   * holds the prefix cache.
   */
  readonly maxCachedPositions: number;
}

/**
 * Decides who gets a place and who waits, so that nobody who has one is ever short of memory. Candidates of one prompt
 * come together, as far as they fit: the first computes the prompt, the others wait for it and are forked.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #toReservation: (sequence: Sequence) => number;
  readonly #waiting = new WaitingQueue();
  #numRunning = 0;
  #numToFork = 0;
  #numReservedPositions = 0;

  /** @param toReservation how many positions a sequence may come to need */
  constructor(limits: AdmissionLimits, toReservation: (sequence: Sequence) => number) {
    this.#limits = limits;
    this.#toReservation = toReservation;
  }

  /** Sequences that have their places. */
  get numRunning(): number {
    return this.#numRunning;
  }

  /** Of those, the ones whose prompt a sibling is computing. */
  get numToFork(): number {
    return this.#numToFork;
  }

  /** Requests of which nothing runs yet. */
  get numWaiting(): number {
    return this.#waiting.numNew;
  }

  /** Positions reserved in the KV cache. */
  get numReservedPositions(): number {
    return this.#numReservedPositions;
  }

  /** Queues a request, all of it. */
  add(group: SequenceGroup): void {
    this.#waiting.add(group);
  }

  /** Takes a request's waiting sequences out of the queue. */
  removeWaiting(group: SequenceGroup): void {
    this.#waiting.remove(group);
  }

  /**
   * Admits the next of those that wait, with as many of its siblings as there is room for.
   *
   * @param isReady whether a request may have its turn now; one that may not is passed over
   */
  admitNext(isReady: (group: SequenceGroup) => boolean): Sequence | undefined {
    if (this.#numRunning >= this.#limits.maxRunning) return undefined;
    const group = this.#waiting.find(isReady);
    const count = group === undefined ? 0 : this.#numToTake(group);
    // Nobody passes one for which there is no memory yet: it would wait for ever.
    if (group === undefined || count === 0) return undefined;
    const lead = group.take(count);
    this.#waiting.passTurn(group);
    this.#numRunning += count;
    this.#numToFork += count - 1;
    this.#numReservedPositions += count * this.#toReservation(lead);
    return lead;
  }

  /** A sibling has got a slot of its own. */
  noteFork(): void {
    this.#numToFork--;
  }

  /** Gives a sequence's place free. */
  release(sequence: Sequence): void {
    if (sequence.slot === undefined) this.#numToFork--;
    this.#numRunning--;
    this.#numReservedPositions -= this.#toReservation(sequence);
  }

  /** How many candidates of a prompt come now. */
  #numToTake({ next, numWaitingCandidates }: SequenceGroup): number {
    const numFitting = this.#numFitting(next, 0);
    if (numFitting >= numWaitingCandidates) return numWaitingCandidates;
    // Those that come later should find their prompt in the prefix cache, if that does not keep all from running.
    const least = next.candidate === 0 || this.#numRunning === 0 ? 1 : 0;
    return Math.min(numFitting, Math.max(least, this.#numFitting(next, next.numPromptTokens)));
  }

  /** How many sequences like this one there is room for, so many positions being left. */
  #numFitting(sequence: Sequence, numLeft: number): number {
    const { maxRunning, maxCachedPositions } = this.#limits;
    const numFree = maxCachedPositions - this.#numReservedPositions - numLeft;
    return Math.min(maxRunning - this.#numRunning, Math.floor(numFree / this.#toReservation(sequence)));
  }
}
