import type { GroupRequest } from './group-request.js';
import { type Arrival, Sequence } from './sequence.js';

/**
 * A request's sequences: those that wait, which are not made before their turn, and those that run. A sequence's index
 * is `prompt * numCandidates + candidate`.
 */
export class SequenceGroup {
  readonly request: GroupRequest;
  /** Those that have their place, by index. */
  readonly running = new Map<number, Sequence>();
  /** Tokens of all prompts. */
  readonly numPromptTokens: number;
  readonly #arrival: Arrival;
  readonly #numSequences: number;
  #numTaken = 0;
  #next: Sequence | undefined;

  constructor(request: GroupRequest, arrival: Arrival) {
    this.request = request;
    this.#arrival = arrival;
    this.numPromptTokens = request.prompts.reduce((sum, { length }) => sum + length, 0);
    this.#numSequences = request.prompts.length * request.numCandidates;
  }

  /** Whether none of it has had its place. */
  get isNew(): boolean {
    return this.#numTaken === 0;
  }

  /** Whether some of it still wait. */
  get isWaiting(): boolean {
    return this.#numTaken < this.#numSequences;
  }

  /** The one whose turn it is; it waits. */
  get next(): Sequence {
    this.#next ??= new Sequence(this.request, this.#numTaken, this.#arrival);
    return this.#next;
  }

  /** How many candidates wait of the prompt whose turn it is. */
  get numWaitingCandidates(): number {
    const { numCandidates } = this.request;
    return numCandidates - (this.#numTaken % numCandidates);
  }

  /** Takes so many candidates of one prompt, which now run: the first, and the others as its siblings. */
  take(count: number): Sequence {
    const lead = this.next;
    this.#next = undefined;
    for (let i = 1; i < count; i++) {
      lead.siblings.push(new Sequence(this.request, this.#numTaken + i, this.#arrival));
    }
    for (const sequence of [lead, ...lead.siblings]) this.running.set(sequence.index, sequence);
    this.#numTaken += count;
    return lead;
  }
}
