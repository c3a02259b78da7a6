import { PrefixCache } from '../kv-cache/prefix-cache.js';
import { SlotTable } from '../kv-cache/slot-table.js';
import { draftTokens } from './draft-tokens.js';
import { placeDecoding } from './place-decoding.js';
import type { ScheduledBatch } from './scheduled-batch.js';
import type { Sequence } from './sequence.js';

/** The scheduler's bounds. */
export interface SchedulerOptions {
  /** The capacity classes' positions per slot, ascending. */
  readonly capacities: readonly number[];
  /** The most sequences that hold slots at a time. */
  readonly maxRunning: number;
  /** The most sequences that wait for a slot. */
  readonly maxWaiting: number;
  /** The most prompt tokens of those that wait, in all. */
  readonly maxWaitingTokens: number;
  /** The most sequences that prefill side by side; they take turns, chunk by chunk. */
  readonly maxPrefilling: number;
  /** Tokens of a prefill chunk; chunks end at its multiples, counted from the start of the sequence. */
  readonly prefillChunk: number;
  /**
   * The KV cache's budget in positions. What a sequence may come to need is reserved when it is admitted; what is left
   * holds the prefix cache.
   */
  readonly maxCachedPositions: number;
  /** What a batch's reading of the weights costs, in positions of one sequence's keys and values. */
  readonly batchCost: number;
}

/** Drafts are checked for no more decoding sequences than this: their rows compete for the same cores. */
const MAX_DRAFTING = 2;
/** A turn of the scheduler's round: a class's decoding sequences, or one prefill chunk. */
type Turn = { readonly decodeClass: number } | 'prefill';

/**
 * Decides which sequences advance, and by how many tokens. It goes in rounds: every class's decoding sequences by one
 * token each, then one prefill chunk of the sequence whose turn it is; so a long prompt delays the others by one chunk
 * at a time. Pure: it knows no tensors and no clock.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #slots: SlotTable<Sequence>;
  readonly #prefixCache: PrefixCache;
  readonly #waiting: Sequence[] = [];
  /** Those with more than one token to compute; the first one's turn is next. */
  readonly #prefilling: Sequence[] = [];
  #numRunning = 0;
  #numWaitingTokens = 0;
  #numReservedPositions = 0;
  #round: Turn[] = [];

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#slots = new SlotTable(options.capacities);
    this.#prefixCache = new PrefixCache(options.prefillChunk);
  }

  get numRunning(): number {
    return this.#numRunning;
  }

  get numWaiting(): number {
    return this.#waiting.length;
  }

  /** Positions reserved in the KV cache. */
  get numReservedPositions(): number {
    return this.#numReservedPositions;
  }

  /** Positions that the prefix cache holds. */
  get numCachedPositions(): number {
    return this.#prefixCache.numPositions;
  }

  /** Classes without an occupant, whose memory may be given back. */
  get emptyClasses(): readonly number[] {
    return this.#slots.classes.flatMap(({ occupants }, index) => (occupants.length === 0 ? [index] : []));
  }

  /** Queues a sequence; false if the queue is full. Those that only wait for the next step to begin do not count. */
  add(sequence: Sequence): boolean {
    const { maxRunning, maxWaiting, maxWaitingTokens } = this.#options;
    const numFree = maxRunning - this.#numRunning;
    const waitingTokens = this.#numWaitingTokens + sequence.numPromptTokens;
    // One that is alone may be as long as the context allows.
    const tooMany = this.#waiting.length > 0 && waitingTokens > maxWaitingTokens;
    if (tooMany || this.#waiting.length >= maxWaiting + numFree) return false;
    this.#waiting.push(sequence);
    this.#numWaitingTokens = waitingTokens;
    return true;
  }

  /** Gives slots to those that waited longest, as many as there is room for; returns them. */
  admit(): readonly Sequence[] {
    const admitted: Sequence[] = [];
    for (let next = this.#waiting[0]; next !== undefined && this.#canAdmit(next); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#numWaitingTokens -= next.numPromptTokens;
      this.#numRunning++;
      this.#numReservedPositions += this.#reservation(next);
      this.#place(next);
      admitted.push(next);
    }
    if (admitted.length > 0) this.#shrinkPrefixCache();
    return admitted;
  }

  /** The next batch of the round; undefined if nobody holds a slot. */
  schedule(): ScheduledBatch | undefined {
    if (this.#numRunning === 0) return undefined;
    for (;;) {
      if (this.#round.length === 0) this.#round = this.#newRound();
      const turn = this.#round.shift();
      if (turn === undefined) return undefined;
      const batch = turn === 'prefill' ? this.#prefillBatch() : this.#decodeBatch(turn.decodeClass);
      if (batch !== undefined) return batch;
    }
  }

  /** Takes note that a batch was run: its sequences' known tokens are computed, as far as they were in it. */
  advance({ sequences, numNewTokens }: ScheduledBatch): void {
    for (const sequence of sequences) {
      const { numPendingTokens } = sequence;
      const wasPrefilling = numPendingTokens > 1;
      sequence.numComputedTokens += Math.min(numNewTokens, numPendingTokens);
      // At most one token is left to compute: from here on it advances with those that decode.
      if (wasPrefilling && sequence.numTokens - sequence.numComputedTokens <= 1) {
        remove(this.#prefilling, sequence);
        this.#slots.startDecoding(sequence);
      }
    }
  }

  /**
   * Keeps what a batch computed for prompts that begin alike: a whole chunk of a prompt, from one multiple of the chunk
   * to the next.
   *
   * @param newKv the batch's keys and values, f32 [L * 2, heads, numNewTokens, headWidth]
   */
  cachePrefix({ sequences, numNewTokens }: ScheduledBatch, newKv: Float32Array): void {
    const [sequence] = sequences;
    if (sequence === undefined || numNewTokens !== this.#options.prefillChunk) return;
    const end = sequence.numComputedTokens;
    if (end > sequence.numPromptTokens) return;
    const { lastBlock: previous, tokenIds } = sequence;
    sequence.lastBlock = this.#prefixCache.insert({ previous, tokenIds, end, data: newKv });
    this.#shrinkPrefixCache();
  }

  /** Takes a sequence out, wherever it is. */
  release(sequence: Sequence): void {
    if (sequence.slot === undefined) {
      if (remove(this.#waiting, sequence)) this.#numWaitingTokens -= sequence.numPromptTokens;
      return;
    }
    remove(this.#prefilling, sequence);
    this.#slots.release(sequence);
    this.#numRunning--;
    this.#numReservedPositions -= this.#reservation(sequence);
  }

  /** Gives a sequence its slot, with as much of its prompt as is cached; one token at least is left to compute. */
  #place(sequence: Sequence): void {
    const blocks = this.#prefixCache.match(sequence.tokenIds, sequence.numPromptTokens - 1);
    const numCached = blocks.length * this.#options.prefillChunk;
    this.#slots.admit(sequence, Math.max(numCached, 1), blocks);
    sequence.numCachedTokens = numCached;
    sequence.numComputedTokens = numCached;
    sequence.lastBlock = blocks.at(-1);
    if (sequence.numPendingTokens > 1) this.#prefilling.push(sequence);
    else this.#slots.startDecoding(sequence);
  }

  #shrinkPrefixCache(): void {
    this.#prefixCache.shrinkTo(this.#options.maxCachedPositions - this.#numReservedPositions);
  }

  #canAdmit(sequence: Sequence): boolean {
    const { maxRunning, maxPrefilling, maxCachedPositions } = this.#options;
    return (
      this.#numRunning < maxRunning &&
      this.#prefilling.length < maxPrefilling &&
      this.#numReservedPositions + this.#reservation(sequence) <= maxCachedPositions
    );
  }

  #reservation(sequence: Sequence): number {
    return this.#slots.capacityFor(sequence.maxCachedTokens);
  }

  #newRound(): Turn[] {
    placeDecoding(this.#slots, this.#options);
    const round: Turn[] = [];
    for (const [decodeClass, { numDecoding }] of this.#slots.classes.entries()) {
      if (numDecoding > 0) round.push({ decodeClass });
    }
    if (this.#prefilling.length > 0) round.push('prefill');
    return round;
  }

  #decodeBatch(classIndex: number): ScheduledBatch | undefined {
    const { occupants, numDecoding, capacity } = this.#slots.classes[classIndex]!;
    if (numDecoding === 0) return undefined;
    const sequences = occupants.slice(0, numDecoding);
    return this.#batch(sequences, 1 + draftTokens(sequences, numDecoding > MAX_DRAFTING ? 0 : capacity));
  }

  #prefillBatch(): ScheduledBatch | undefined {
    const sequence = this.#prefilling.shift();
    if (sequence === undefined) return undefined;
    this.#prefilling.push(sequence);
    const { prefillChunk } = this.#options;
    const toBoundary = prefillChunk - (sequence.numComputedTokens % prefillChunk);
    const numNewTokens = Math.min(sequence.numPendingTokens, toBoundary);
    this.#slots.grow(sequence, sequence.numComputedTokens + numNewTokens, sequence.numPromptTokens);
    return this.#batch([sequence], numNewTokens);
  }

  #batch(sequences: readonly Sequence[], numNewTokens: number): ScheduledBatch {
    const firstSlot = sequences[0]!.slot!;
    const { capacity } = this.#slots.classes[firstSlot.classIndex]!;
    return { sequences, firstSlot, capacity, numNewTokens, moves: this.#slots.takeMoves() };
  }
}

function remove<T>(list: T[], item: T): boolean {
  const index = list.indexOf(item);
  if (index < 0) return false;
  list.splice(index, 1);
  return true;
}
