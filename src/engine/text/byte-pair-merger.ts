import { MinHeap } from '../frontend/min-heap.js';
import { NO_TOKEN, type TokenIndex } from './token-index.js';

/** More than the bytes of any pre-token, so that a rank and a position fit one exact double, rank first. */
const POSITION_RANGE = 2 ** 32;

/** Pre-tokens up to this many bytes share one set of arrays; a longer one gets its own, and leaves them to be collected. */
const SHARED_CAPACITY = 1024;

/** A pre-token's parts as a linked list; a part is named by the position of its first byte. */
interface Parts {
  /** The part after each, or the pre-token's length. */
  readonly next: Int32Array;
  readonly previous: Int32Array;
  /** The rank of each part joined with the next one, or NO_TOKEN where they make no token. */
  readonly ranks: Int32Array;
  /** What may be merged, by rank and then from the left: rank * POSITION_RANGE + position. Holds outdated ones, too. */
  readonly queue: MinHeap;
}

/**
 * Byte-pair encoding of a pre-token: the two neighbours that make the token of lowest rank are joined, the
 * leftmost ones first, until none make any. A heap finds them, so that n bytes take n log n steps; looking
 * through all neighbours for each merge, as tokenizers do that expect words, takes a second for 64 kB.
 */
export class BytePairMerger {
  readonly #index: TokenIndex;
  readonly #shared = makeParts(SHARED_CAPACITY);

  /** @param index The vocabulary; it must have every byte, and ids must be ranks. */
  constructor(index: TokenIndex) {
    this.#index = index;
  }

  /** Gives the ids of the tokens that the bytes of a pre-token merge to. */
  merge(bytes: Uint8Array): number[] {
    const { length } = bytes;
    const parts = length <= SHARED_CAPACITY ? this.#shared : makeParts(length);
    this.#split(bytes, parts);
    const { next, previous, ranks, queue } = parts;
    while (queue.size > 0) {
      const key = queue.pop();
      const rank = Math.floor(key / POSITION_RANGE);
      const part = key - rank * POSITION_RANGE;
      if (ranks[part] !== rank) continue; // a neighbour was merged since
      const joined = next[part]!;
      const after = next[joined]!;
      next[part] = after;
      ranks[joined] = NO_TOKEN;
      if (after < length) previous[after] = part;
      this.#rank(part, bytes, parts);
      if (part > 0) this.#rank(previous[part]!, bytes, parts);
    }
    const ids: number[] = [];
    for (let part = 0; part < length; part = next[part]!)
      ids.push(this.#index.find(bytes, part, next[part]!));
    return ids;
  }

  #split(bytes: Uint8Array, parts: Parts): void {
    parts.queue.clear();
    for (let position = 0; position < bytes.length; position += 1) {
      parts.next[position] = position + 1;
      parts.previous[position] = position - 1;
    }
    for (let position = 0; position < bytes.length; position += 1) this.#rank(position, bytes, parts);
  }

  /** Looks up what a part and the next one make, and queues it. */
  #rank(part: number, bytes: Uint8Array, { next, ranks, queue }: Parts): void {
    const neighbour = next[part]!;
    const rank = neighbour < bytes.length ? this.#index.find(bytes, part, next[neighbour]!) : NO_TOKEN;
    ranks[part] = rank;
    if (rank !== NO_TOKEN) queue.push(rank * POSITION_RANGE + part);
  }
}

function makeParts(capacity: number): Parts {
  return {
    next: new Int32Array(capacity),
    previous: new Int32Array(capacity),
    ranks: new Int32Array(capacity),
    // Each merge takes one out and puts in two at most, and there are fewer merges than bytes.
    queue: new MinHeap(2 * capacity),
  };
}
