import { type ChunkSizes, chunkEnd } from './chunk-sizes.js';
import type { NewKv } from './kv-store.js';

/** The keys and values of one block of a prefix. */
export interface CachedBlock {
  /** Tells this block from all others that were ever cached. */
  readonly id: number;
  readonly numTokens: number;
  /** As the step that computed them returned them. */
  readonly rows: NewKv;
}

/** A block to keep: the tokens from `start` up to `end`, after all those before them. */
export interface NewBlock {
  /** The block that it follows; undefined if there is none, or none that is still known. */
  readonly previous: CachedBlock | undefined;
  readonly tokenIds: Int32Array;
  /** Its first token, where a chunk begins, and where that chunk ends. */
  readonly start: number;
  readonly end: number;
  readonly rows: NewKv;
}

interface Entry extends CachedBlock {
  /** The key of the block before it. */
  readonly previousKey: string | undefined;
}

/**
 * Keeps the keys and values of prompts' beginnings, in blocks of a prefill chunk each, so that the next prompt that begins
 * alike need not compute them. A block is found by its own tokens and by the block before it, so by all tokens up to
 * its end. What was used longest ago goes first, and a block never before those that continue it.
 */
export class PrefixCache {
  readonly #sizes: ChunkSizes;
  /** In the order of use, the least recent first. */
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new WeakMap<CachedBlock, string>();
  #numMade = 0;
  #numPositions = 0;

  /** @param sizes of the prefill's chunks, so that a hit gives the bits that computing would */
  constructor(sizes: ChunkSizes) {
    this.#sizes = sizes;
  }

  /** Positions that the cached blocks hold. */
  get numPositions(): number {
    return this.#numPositions;
  }

  /** The blocks that hold the longest known beginning of the first `maxTokens` of a prompt, in order. */
  match(tokenIds: Int32Array, maxTokens: number): readonly CachedBlock[] {
    const found: CachedBlock[] = [];
    let key: string | undefined;
    for (let start = 0; ; ) {
      const end = chunkEnd(start, this.#sizes);
      if (end > maxTokens) break;
      const nextKey = keyOf(found.at(-1), tokenIds.subarray(start, end));
      const entry = this.#entries.get(nextKey);
      if (entry === undefined) break;
      key = nextKey;
      found.push(entry);
      start = end;
    }
    this.#touch(key);
    return found;
  }

  /**
   * Keeps a block, and returns it to go on from: the one that was known already, where another sequence was faster.
   * A block whose predecessor is gone is not kept, since it could not be found.
   */
  insert({ previous, tokenIds, start, end, rows }: NewBlock): CachedBlock | undefined {
    const previousKey = previous && this.#keys.get(previous);
    if (start > 0 && (previousKey === undefined || !this.#entries.has(previousKey))) return undefined;
    const key = keyOf(previous, tokenIds.subarray(start, end));
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { id: ++this.#numMade, rows, previousKey, numTokens: end - start };
      this.#numPositions += entry.numTokens;
      this.#entries.set(key, entry);
      this.#keys.set(entry, key);
    }
    this.#touch(key);
    return entry;
  }

  /** Gives back memory until no more than so many positions are held. */
  shrinkTo(maxPositions: number): void {
    for (const [key, { numTokens }] of this.#entries) {
      if (this.numPositions <= maxPositions) return;
      this.#entries.delete(key);
      this.#numPositions -= numTokens;
    }
  }

  /** Makes a block the most recent but for those before it, which others may share. */
  #touch(lastKey: string | undefined): void {
    for (let key = lastKey; key !== undefined; ) {
      const entry = this.#entries.get(key);
      if (entry === undefined) return;
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      key = entry.previousKey;
    }
  }
}

function keyOf(previous: CachedBlock | undefined, { buffer, byteOffset, byteLength }: Int32Array): string {
  return `${previous?.id ?? 0}:${Buffer.from(buffer, byteOffset, byteLength).toString('latin1')}`;
}
