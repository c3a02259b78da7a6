import type { Token } from './token.js';

/** The most tokens that are drawn together: a block that is full is never drawn again. */
const MAX_LENGTH = 64;
/** From how many tokens on a block ends with its line. */
const LINE_LENGTH = 24;

/** Tokens that follow each other. */
export interface TokenBlock {
  /** The index of the first one. */
  readonly first: number;
  /** At least one. */
  readonly tokens: readonly Token[];
}

/** A completion's tokens in blocks: where they end follows from the tokens alone. Never changed, only made anew. */
export type TokenBlocks = readonly TokenBlock[];

/** Adds tokens at the end; the blocks that were full stay the same objects. */
export function appendTokens(blocks: TokenBlocks, tokens: readonly Token[]): TokenBlocks {
  const last = blocks.at(-1);
  const isOpen = last !== undefined && !isFull(last.tokens);
  const grown = isOpen ? blocks.slice(0, -1) : [...blocks];
  let open: Token[] = isOpen ? [...last.tokens] : [];
  let first = isOpen ? last.first : countTokens(blocks);
  for (const token of tokens) {
    open.push(token);
    if (!isFull(open)) continue;
    grown.push({ first, tokens: open });
    first += open.length;
    open = [];
  }
  if (open.length > 0) grown.push({ first, tokens: open });
  return grown;
}

/** Keeps the first `count` tokens. */
export function takeTokens(blocks: TokenBlocks, count: number): TokenBlocks {
  const kept = blocks.filter(({ first }) => first < count);
  const last = kept.pop();
  return last === undefined ? [] : [...kept, { ...last, tokens: last.tokens.slice(0, count - last.first) }];
}

/** Counts the tokens. */
export function countTokens(blocks: TokenBlocks): number {
  const last = blocks.at(-1);
  return last === undefined ? 0 : last.first + last.tokens.length;
}

/** Gets the token at an index; undefined beyond the end. */
export function tokenAt(blocks: TokenBlocks, index: number): Token | undefined {
  const block = blocks.findLast(({ first }) => first <= index);
  return block?.tokens[index - block.first];
}

/** Joins the tokens' text. */
export function toText(blocks: TokenBlocks): string {
  return blocks.map(({ tokens }) => tokens.map(({ text }) => text).join('')).join('');
}

/** Puts blocks together that share a line: what a browser can lay out and draw without the rest. */
export function toParts(blocks: TokenBlocks): TokenBlocks[] {
  const parts: TokenBlock[][] = [];
  for (const block of blocks) {
    const part = parts.at(-1);
    const before = part?.at(-1);
    if (part === undefined || before === undefined || endsLine(before.tokens)) parts.push([block]);
    else part.push(block);
  }
  return parts;
}

function isFull(tokens: readonly Token[]): boolean {
  return tokens.length === MAX_LENGTH || (tokens.length >= LINE_LENGTH && endsLine(tokens));
}

function endsLine(tokens: readonly Token[]): boolean {
  return tokens.at(-1)?.text.endsWith('\n') ?? false;
}
