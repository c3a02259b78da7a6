import type { Token } from './token.js';

/** How many tokens are drawn together: a block that is full is never drawn again. */
const BLOCK_LENGTH = 64;

/** A completion's tokens in blocks of equal length, but for the last one. Never changed, only made anew. */
export type TokenBlocks = readonly (readonly Token[])[];

/** Adds tokens at the end; the blocks that were full stay the same objects. */
export function appendTokens(blocks: TokenBlocks, tokens: readonly Token[]): TokenBlocks {
  const last = blocks.at(-1);
  const isFull = last === undefined || last.length === BLOCK_LENGTH;
  const full = isFull ? blocks : blocks.slice(0, -1);
  const rest = isFull ? tokens : [...last, ...tokens];
  const added: Token[][] = [];
  for (let start = 0; start < rest.length; start += BLOCK_LENGTH) {
    added.push(rest.slice(start, start + BLOCK_LENGTH));
  }
  return [...full, ...added];
}

/** Keeps the first `count` tokens. */
export function takeTokens(blocks: TokenBlocks, count: number): TokenBlocks {
  const kept = blocks.slice(0, Math.ceil(count / BLOCK_LENGTH));
  const last = kept.pop();
  return last === undefined ? [] : [...kept, last.slice(0, count - kept.length * BLOCK_LENGTH)];
}

/** Counts the tokens. */
export function countTokens(blocks: TokenBlocks): number {
  return Math.max(0, blocks.length - 1) * BLOCK_LENGTH + (blocks.at(-1)?.length ?? 0);
}

/** Gets the token at an index; undefined beyond the end. */
export function tokenAt(blocks: TokenBlocks, index: number): Token | undefined {
  return blocks[Math.floor(index / BLOCK_LENGTH)]?.[index % BLOCK_LENGTH];
}

/** Gets the index of a block's first token. */
export function firstIndexOf(block: number): number {
  return block * BLOCK_LENGTH;
}

/** Joins the tokens' text. */
export function toText(blocks: TokenBlocks): string {
  return blocks.map((block) => block.map(({ text }) => text).join('')).join('');
}
