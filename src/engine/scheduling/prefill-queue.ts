import { type ChunkSizes, chunkEnd, numWholeChunks } from '../kv-cache/chunk-sizes.js';
import type { Sequence } from './sequence.js';
import { numSharedTokens } from './shared-tokens.js';

/** A prefill chunk: the next tokens of a sequence. */
export interface Chunk {
  readonly sequence: Sequence;
  readonly numTokens: number;
}

/** The sequences with more than one token to compute. They take turns, chunk by chunk. */
export class PrefillQueue {
  readonly #sizes: ChunkSizes;
  /** The first one's turn is next. */
  readonly #sequences: Sequence[] = [];

  constructor(sizes: ChunkSizes) {
    this.#sizes = sizes;
  }

  get size(): number {
    return this.#sequences.length;
  }

  /** Lets a newcomer have its turn after all others. */
  add(sequence: Sequence): void {
    this.#sequences.push(sequence);
  }

  remove(sequence: Sequence): void {
    const index = this.#sequences.indexOf(sequence);
    if (index >= 0) this.#sequences.splice(index, 1);
  }

  /**
   * Takes the chunks of a round: one, and those of the next in turn that make no more than a long chunk with it.
   *
   * @param maxChunks the most chunks, where there is more than one
   */
  take(maxChunks: number): Chunk[] {
    const chunks: Chunk[] = [];
    let room = this.#sizes.long;
    for (const sequence of this.#sequences) {
      const numTokens = this.#nextChunk(sequence);
      const isFirst = chunks.length === 0;
      if (!isFirst && (numTokens > room || chunks.length >= maxChunks)) break;
      chunks.push({ sequence, numTokens });
      room -= numTokens;
    }
    this.#sequences.push(...this.#sequences.splice(0, chunks.length));
    return chunks;
  }

  /** The most whole chunks, of a prompt up to some position, that one of these has in its prompt too. */
  numChunksShared(tokenIds: Int32Array, maxTokens: number): number {
    const shared = this.#sequences.map((other) => {
      const max = Math.min(maxTokens, other.numPromptTokens);
      return numWholeChunks(numSharedTokens(tokenIds, other.tokenIds, max), this.#sizes);
    });
    return Math.max(0, ...shared);
  }

  #nextChunk({ numComputedTokens, numPendingTokens }: Sequence): number {
    return Math.min(numPendingTokens, chunkEnd(numComputedTokens, this.#sizes) - numComputedTokens);
  }
}
