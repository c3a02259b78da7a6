import { type ChunkSizes, chunkEnd } from '../kv-cache/chunk-sizes.js';
import type { NewKv } from '../kv-cache/kv-store.js';
import { type CachedBlock, PrefixCache } from '../kv-cache/prefix-cache.js';
import { SlotTable } from '../kv-cache/slot-table.js';
import { Admission, type AdmissionLimits } from './admission.js';
import { draftTokens } from './draft-tokens.js';
import { placeDecoding } from './place-decoding.js';
import { type Chunk, PrefillQueue } from './prefill-queue.js';
import type { ScheduledBatch, ScheduledStep } from './scheduled-step.js';
import type { Sequence } from './sequence.js';
import type { SequenceGroup } from './sequence-group.js';

/** The scheduler's bounds. */
export interface SchedulerOptions extends AdmissionLimits {
  /** The capacity classes' positions per slot, ascending. */
  readonly capacities: readonly number[];
  /** The most sequences that prefill side by side; they take turns, chunk by chunk. */
  readonly maxPrefilling: number;
  /** Where prompts are cut, counted from the start of the sequence. */
  readonly chunkSizes: ChunkSizes;
  /** The most batches that a step runs side by side. */
  readonly maxBatches: number;
  /** What a step's reading of the weights costs, in positions of one sequence's keys and values. */
  readonly stepCost: number;
  /** What one more batch costs in a step, in such positions. */
  readonly batchCost: number;
}

/**
 * Drafts are checked for no more decoding sequences than this, and beside no prompt: their rows compete for the same cores,
 * and each takes a batch.
 */
const MAX_DRAFTING = 2;
/** Who advances, and by how many tokens each. */
type Advance = Pick<ScheduledBatch, 'sequences' | 'numNewTokens'>;

/**
 * Decides which sequences advance, and by how many tokens. It goes in rounds: every class's decoding sequences by one
 * token each, and prefill chunks of those whose turn it is, no more tokens than one chunk may have; so a long prompt
 * delays the others by one chunk at a time. A round is one step, unless it has more batches than a step may. Pure: it
 * knows no tensors and no clock.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #slots: SlotTable<Sequence>;
  readonly #prefixCache: PrefixCache;
  readonly #admission: Admission;
  readonly #prefilling: PrefillQueue;
  /** The classes whose decoding sequences have yet to advance in this round. */
  #round: number[] = [];

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#slots = new SlotTable(options.capacities);
    this.#prefixCache = new PrefixCache(options.chunkSizes);
    this.#prefilling = new PrefillQueue(options.chunkSizes);
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
    while (this.#prefilling.size < this.#options.maxPrefilling) {
      const lead = this.#admission.admitNext(({ next }) => !this.#isBeingComputed(next));
      if (lead === undefined) break;
      this.#place(lead);
      admitted.push(lead, ...lead.siblings);
    }
    if (admitted.length > 0) this.#shrinkPrefixCache();
    return admitted;
  }

  /** The next step of the round; undefined if nobody holds a slot. */
  schedule(): ScheduledStep | undefined {
    while (this.#round.length > 0) {
      const step = this.#toStep([]);
      if (step !== undefined) return step;
    }
    return this.numRunning === 0 ? undefined : this.#toStep(this.#beginRound());
  }

  /** Takes note that a step was run: its sequences' known tokens are computed, as far as they were in it. */
  advance({ batches }: ScheduledStep): void {
    const prefilled: Sequence[] = [];
    for (const { sequences, numNewTokens } of batches) {
      for (const sequence of sequences) {
        const { numPendingTokens } = sequence;
        sequence.numComputedTokens += Math.min(numNewTokens, numPendingTokens);
        // At most one token is left to compute: from here on it advances with those that decode, unless it ends here.
        if (numPendingTokens > 1 && sequence.numPendingTokens <= 1) prefilled.push(sequence);
      }
    }
    // Only now: others may have to move, with all that they have computed.
    for (const sequence of prefilled) {
      this.#prefilling.remove(sequence);
      if (sequence.numPendingTokens > 0 || !sequence.isFull) this.#slots.startDecoding(sequence);
    }
  }

  /**
   * Keeps what a step computed for prompts that begin alike: whole chunks of prompts.
   *
   * @param newKv what the run gave to keep, by batch
   * @returns that of it which was not kept
   */
  cachePrefixes({ batches }: ScheduledStep, newKv: readonly NewKv[]): NewKv[] {
    return newKv.filter((rows, index) => {
      const { sequences, numNewTokens } = batches[index]!;
      return numNewTokens < this.#options.chunkSizes.short || !this.#cachePrefix(sequences[0]!, rows);
    });
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
    this.#prefilling.remove(sequence);
    this.#slots.release(sequence);
  }

  /** Says whether the rows were kept. */
  #cachePrefix(sequence: Sequence, rows: NewKv): boolean {
    const { lastBlock: previous, tokenIds, numComputedTokens: end, numPromptTokens } = sequence;
    const start = end - rows.numNewTokens;
    if (end > numPromptTokens || end < chunkEnd(start, this.#options.chunkSizes)) return false;
    sequence.lastBlock = this.#prefixCache.insert({ previous, tokenIds, start, end, rows });
    this.#shrinkPrefixCache();
    return sequence.lastBlock?.rows === rows;
  }

  /** Gives a sequence its slot, with what is cached of its prompt up to where its logits are read. */
  #place(sequence: Sequence): void {
    const blocks = this.#matchPrefix(sequence);
    const numCached = blocks.reduce((sum, { numTokens }) => sum + numTokens, 0);
    // Where all of its prompt has room, so that nothing of it moves before it decodes.
    this.#slots.admit(sequence, sequence.numPromptTokens, blocks);
    sequence.numCachedTokens = numCached;
    sequence.numComputedTokens = numCached;
    sequence.lastBlock = blocks.at(-1);
    if (sequence.numPendingTokens > 1) this.#prefilling.add(sequence);
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
    const numShared = this.#prefilling.numChunksShared(sequence.tokenIds, sequence.firstLogitPosition);
    return numShared > 0 && numShared > this.#matchPrefix(sequence).length;
  }

  /** Places those that decode, whose turn comes class by class, and takes the chunks that come first. */
  #beginRound(): readonly Chunk[] {
    const { maxPrefilling, maxBatches } = this.#options;
    const maxArriving = maxPrefilling + this.#admission.numToFork;
    // One batch is for a chunk.
    placeDecoding(this.#slots, { ...this.#options, maxBatches: Math.max(1, maxBatches - 1), maxArriving });
    this.#round = this.#slots.classes.flatMap(({ numDecoding }, index) => (numDecoding > 0 ? [index] : []));
    // And one for those that decode, also where there are none.
    return this.#prefilling.take(maxBatches - Math.max(1, this.#round.length));
  }

  /** Takes as many classes of the round as a step has room for beside these chunks. */
  #toStep(chunks: readonly Chunk[]): ScheduledStep | undefined {
    const classes = this.#round.splice(0, this.#options.maxBatches - chunks.length);
    const numDecoding = classes.reduce((sum, index) => sum + this.#slots.classes[index]!.numDecoding, 0);
    const mayDraft = chunks.length === 0 && numDecoding <= MAX_DRAFTING;
    const decoding = classes.flatMap((index) => this.#decode(index, mayDraft));
    const prefilling = chunks.map(({ sequence, numTokens }) => ({
      sequences: [sequence],
      numNewTokens: numTokens,
    }));
    const batches = [...decoding, ...prefilling].map((advance) => this.#toBatch(advance));
    return batches.length === 0 ? undefined : { batches, moves: this.#slots.takeMoves() };
  }

  /** All that decode in a class as one batch; if one of them has drafts, which are a chunk, each by itself. */
  #decode(classIndex: number, mayDraft: boolean): Advance[] {
    const { occupants, numDecoding, capacity } = this.#slots.classes[classIndex]!;
    const sequences = occupants.slice(0, numDecoding);
    const numDrafts = sequences.map((sequence) => draftTokens(sequence, mayDraft ? capacity : 0));
    if (numDrafts.every((count) => count === 0))
      return numDecoding > 0 ? [{ sequences, numNewTokens: 1 }] : [];
    return sequences.map((sequence, i) => ({ sequences: [sequence], numNewTokens: 1 + numDrafts[i]! }));
  }

  #toBatch(advance: Advance): ScheduledBatch {
    const firstSlot = advance.sequences[0]!.slot!;
    const { capacity } = this.#slots.classes[firstSlot.classIndex]!;
    return { ...advance, firstSlot, capacity };
  }
}
