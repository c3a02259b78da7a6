import type { Sequence } from './sequence.js';

/**
 * Lets a sequence draft its next tokens, as far as its slot has room; returns how many it drafted.
 *
 * @param capacity positions of the slot; 0 drafts nothing
 */
export function draftTokens(sequence: Sequence, capacity: number): number {
  const { lookup, tokenIds, numTokens, numComputedTokens, maxCachedTokens } = sequence;
  const room = Math.max(0, Math.min(capacity, maxCachedTokens) - numComputedTokens - 1);
  sequence.numDraftTokens = lookup?.draft(tokenIds, numTokens, room) ?? 0;
  return sequence.numDraftTokens;
}
