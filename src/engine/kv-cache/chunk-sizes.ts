/**
 * Where prompts are cut. A chunk is what is computed at a time, and what the prefix cache keeps and finds. Longer ones
 * prefill faster and make everybody else wait longer between two tokens (`npm run bench -- prefill stall`); shorter ones
 * let prompts share more of a short beginning.
 */
export interface ChunkSizes {
  /** Tokens of the first chunks, up to a position of `long`. */
  readonly short: number;
  /** Tokens of the others: a multiple of `short`. */
  readonly long: number;
}

/** Tokens of the shortest whole chunk. */
export const KV_BLOCK_TOKENS = 64;

export const CHUNK_SIZES: ChunkSizes = { short: KV_BLOCK_TOKENS, long: 128 };

/** Where the chunk ends that begins at a position or has it in the middle. */
export function chunkEnd(position: number, { short, long }: ChunkSizes): number {
  const size = position < long ? short : long;
  return position - (position % size) + size;
}

/** How many whole chunks so many tokens have, from the start of a prompt. */
export function numWholeChunks(numTokens: number, sizes: ChunkSizes): number {
  let count = 0;
  for (let end = chunkEnd(0, sizes); end <= numTokens; end = chunkEnd(end, sizes)) count++;
  return count;
}
