import type { NewKv } from '../kv-cache/kv-store.js';
import { type CachedBlock, PrefixCache } from '../kv-cache/prefix-cache.js';
import { SlotTable } from '../kv-cache/slot-table.js';
import { Admission, type AdmissionLimits } from './admission.js';
import { draftTokens } from './draft-tokens.js';
import { placeDecoding } from './place-decoding.js';
import type { ScheduledBatch } from './scheduled-batch.js';
import type { Sequence } from './sequence.js';
import type { SequenceGroup } from './sequence-group.js';
import { numSharedTokens } from './shared-tokens.js';

/** The scheduler's bounds. */
export interface SchedulerOptions extends AdmissionLimits {
  /** The capacity classes' positions per slot, ascending. */
  readonly capacities: readonly number[];
  /** The most sequences that prefill side by side; they take turns, chunk by chunk. */
  readonly maxPrefilling: number;
  /** Tokens of a prefill chunk; chunks end at its multiples, counted from the start of the sequence. */
  readonly prefillChunk: number;
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
  readonly #admission: Admission;
  /** Those with more than one token to compute; the first one's turn is next. */
  readonly #prefilling: Sequence[] = [];
  #round: Turn[] = [];

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#slots = new SlotTable(options.capacities);
    this.#prefixCache = new PrefixCache(options.prefillChunk);
    this.#admission = new Admission(options, (sequence) => this.#slots.capacityFor(sequence.maxCachedTokens));
  }

  /** Sequences that have their places. */
  get numRunning(): number {
    return this.#admission.numRunning;
  }

  /** Requests of which nothing runs yet. */
  get numWaiting(): number {
    return this.#admission.numWaiting;
  }

  /** Positions reserved in the KV cache. */
  get numReservedPositions(): number {
    return this.#admission.numReservedPositions;
  }

  /** Positions that the prefix cache holds. */
  get numCachedPositions(): number {
    return this.#prefixCache.numPositions;
  }

  /** Classes without an occupant, whose memory may be given back. */
  get emptyClasses(): readonly number[] {
    return this.#slots.classes.flatMap(({ occupants }, index) => (occupants.length === 0 ? [index] : []));
  }

  /** Queues a request, all of it. */
  add(group: SequenceGroup): void {
    this.#admission.add(group);
  }

  /** Takes a request's waiting sequences out of the queue. */
  removeWaiting(group: SequenceGroup): void {
    this.#admission.removeWaiting(group);
  }

  /**
   * Gives places to those whose turn it is, as many as there is room for; returns them. Between rounds only: a round
   * begins with slots for all who may need one before it ends.
   */
  admit(): readonly Sequence[] {
    const admitted: Sequence[] = [];
    if (this.numRunning === 0) this.#round = [];
    if (this.#round.length > 0) return admitted;
    while (this.#prefilling.length < this.#options.maxPrefilling) {
      const lead = this.#admission.admitNext(({ next }) => !this.#isBeingComputed(next));
      if (lead === undefined) break;
      this.#place(lead);
      admitted.push(lead, ...lead.siblings);
    }
    if (admitted.length > 0) this.#shrinkPrefixCache();
    return admitted;
  }

  /** The next batch of the round; undefined if nobody holds a slot. */
  schedule(): ScheduledBatch | undefined {
    if (this.numRunning === 0) return undefined;
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
      const { numPendingTokens: numLeft, isFull } = sequence;
      if (!wasPrefilling || numLeft > 1) continue;
      // At most one token is left to compute: from here on it advances with those that decode, unless it ends here.
      remove(this.#prefilling, sequence);
      if (numLeft > 0 || !isFull) this.#slots.startDecoding(sequence);
    }
  }

  /**
   * Keeps what a batch computed for prompts that begin alike: a whole chunk of a prompt, from one multiple of the chunk
   * to the next.
   *
   * @param rows what the batch's run gave to keep
   */
  cachePrefix({ sequences, numNewTokens }: ScheduledBatch, rows: NewKv): void {
    const [sequence] = sequences;
    if (sequence === undefined || numNewTokens !== this.#options.prefillChunk) return;
    const end = sequence.numComputedTokens;
    if (end > sequence.numPromptTokens) return;
    const { lastBlock: previous, tokenIds } = sequence;
    sequence.lastBlock = this.#prefixCache.insert({ previous, tokenIds, end, rows });
    this.#shrinkPrefixCache();
  }

  /** Gives a sibling a slot of its own, with a copy of their prompt; from here on it decodes. */
  fork(lead: Sequence, sibling: Sequence): void {
    sibling.numComputedTokens = sibling.numPromptTokens;
    this.#slots.fork(lead, sibling, sibling.numTokens);
    this.#admission.noteFork();
  }

  /** Takes a sequence out that has its place. */
  release(sequence: Sequence): void {
    this.#admission.release(sequence);
    if (sequence.slot === undefined) return;
    remove(this.#prefilling, sequence);
    this.#slots.release(sequence);
  }

  /** Gives a sequence its slot, with what is cached of its prompt up to where its logits are read. */
  #place(sequence: Sequence): void {
    const blocks = this.#matchPrefix(sequence);
    const numCached = blocks.length * this.#options.prefillChunk;
    this.#slots.admit(sequence, Math.max(numCached, 1), blocks);
    sequence.numCachedTokens = numCached;
    sequence.numComputedTokens = numCached;
    sequence.lastBlock = blocks.at(-1);
    if (sequence.numPendingTokens > 1) this.#prefilling.push(sequence);
    else this.#slots.startDecoding(sequence);
  }

  #shrinkPrefixCache(): void {
    this.#prefixCache.shrinkTo(this.#options.maxCachedPositions - this.numReservedPositions);
  }

  #matchPrefix({ tokenIds, firstLogitPosition }: Sequence): readonly CachedBlock[] {
    return this.#prefixCache.match(tokenIds, firstLogitPosition);
  }

  /** Whether another sequence is computing more of this one's chunks than are cached: soon they need only be copied. */
  #isBeingComputed(sequence: Sequence): boolean {
    const { tokenIds, firstLogitPosition } = sequence;
    const { prefillChunk } = this.#options;
    const numChunks = this.#prefilling.map((other) => {
      const max = Math.min(firstLogitPosition, other.numPromptTokens);
      return Math.floor(numSharedTokens(tokenIds, other.tokenIds, max) / prefillChunk);
    });
    const most = Math.max(0, ...numChunks);
    return most > 0 && most > this.#matchPrefix(sequence).length;
  }

  #newRound(): Turn[] {
    const maxArriving = this.#options.maxPrefilling + this.#admission.numToFork;
    placeDecoding(this.#slots, { ...this.#options, maxArriving });
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
