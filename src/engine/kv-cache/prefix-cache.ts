import type { NewKv } from './kv-store.js';

/** The keys and values of one block of a prefix. */
export interface CachedBlock {
  /** Tells this block from all others that were ever cached. */
  readonly id: number;
  /** As the step that computed them returned them. */
  readonly rows: NewKv;
}

/** A block to keep: the tokens up to `end`, whose last ones are its own. */
export interface NewBlock {
  /** The block that it follows; undefined if there is none, or none that is still known. */
  readonly previous: CachedBlock | undefined;
  readonly tokenIds: Int32Array;
  /** A multiple of the block's size. */
  readonly end: number;
  readonly rows: NewKv;
}

interface Entry extends CachedBlock {
  /** The key of the block before it. */
  readonly previousKey: string | undefined;
}

/**
 * Keeps the keys and values of prompts' beginnings, in blocks of one prefill chunk, so that the next prompt that begins
 * alike need not compute them. A block is found by its own tokens and by the block before it, so by all tokens up to
 * its end. What was used longest ago goes first, and a block never before those that continue it.
 */
export class PrefixCache {
  readonly #blockSize: number;
  /** In the order of use, the least recent first. */
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new WeakMap<CachedBlock, string>();
  #numMade = 0;

  /** @param blockSize tokens per block: the prefill chunk, so that a hit gives the bits that computing would */
  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  /** Positions that the cached blocks hold. */
  get numPositions(): number {
    return this.#entries.size * this.#blockSize;
  }

  /** The blocks that hold the longest known beginning of the first `maxTokens` of a prompt, in order. */
  match(tokenIds: Int32Array, maxTokens: number): readonly CachedBlock[] {
    const found: CachedBlock[] = [];
    let key: string | undefined;
    for (let end = this.#blockSize; end <= maxTokens; end += this.#blockSize) {
      const nextKey = this.#keyOf(found.at(-1), tokenIds, end);
      const entry = this.#entries.get(nextKey);
      if (entry === undefined) break;
      key = nextKey;
      found.push(entry);
    }
    this.#touch(key);
    return found;
  }

  /**
   * Keeps a block, and returns it to go on from: the one that was known already, where another sequence was faster.
   * A block whose predecessor is gone is not kept, since it could not be found.
   */
  insert({ previous, tokenIds, end, rows }: NewBlock): CachedBlock | undefined {
    const previousKey = previous && this.#keys.get(previous);
    const isFirst = end === this.#blockSize;
    if (!isFirst && (previousKey === undefined || !this.#entries.has(previousKey))) return undefined;
    const key = this.#keyOf(previous, tokenIds, end);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { id: ++this.#numMade, rows, previousKey };
      this.#entries.set(key, entry);
      this.#keys.set(entry, key);
    }
    this.#touch(key);
    return entry;
  }

  /** Gives back memory until no more than so many positions are held. */
  shrinkTo(maxPositions: number): void {
    for (const key of this.#entries.keys()) {
      if (this.numPositions <= maxPositions) return;
      this.#entries.delete(key);
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

  #keyOf(previous: CachedBlock | undefined, tokenIds: Int32Array, end: number): string {
    const { buffer, byteOffset, BYTES_PER_ELEMENT } = tokenIds;
    const start = byteOffset + (end - this.#blockSize) * BYTES_PER_ELEMENT;
    const tokens = Buffer.from(buffer, start, this.#blockSize * BYTES_PER_ELEMENT);
    return `${previous?.id ?? 0}:${tokens.toString('latin1')}`;
  }
}
