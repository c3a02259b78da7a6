import type { Sequence } from './sequence.js';

/**
 * Lets the sequences of a batch draft their next tokens, as far as their slots have room; returns the most that one
 * drafted.
 *
 * @param capacity positions per slot; 0 drafts nothing
 */
export function draftTokens(sequences: readonly Sequence[], capacity: number): number {
  // All are computed at the same length, so the one with the least room decides.
  const room = sequences.map(
    ({ numComputedTokens, maxCachedTokens }) => Math.min(capacity, maxCachedTokens) - numComputedTokens - 1,
  );
  const maxDrafts = Math.max(0, Math.min(...room));
  for (const sequence of sequences) {
    const { lookup, tokenIds, numTokens } = sequence;
    sequence.numDraftTokens = lookup?.draft(tokenIds, numTokens, maxDrafts) ?? 0;
  }
  return Math.max(...sequences.map(({ numDraftTokens }) => numDraftTokens));
}
