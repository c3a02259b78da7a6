import type { Move, Slot } from '../kv-cache/slot-table.js';
import type { Sequence } from './sequence.js';

/** What the model runs next: some batches side by side, which no sequence is in twice. */
export interface ScheduledStep {
  /** One at least. */
  readonly batches: readonly ScheduledBatch[];
  /** Copies to make in the KV cache first. */
  readonly moves: readonly Move[];
}

/** Some sequences in neighbouring slots of one class, each advancing by as many tokens. */
export interface ScheduledBatch {
  /** In the order of their slots. */
  readonly sequences: readonly Sequence[];
  /** Where the first of them sits. */
  readonly firstSlot: Slot;
  /** Positions per slot of the class. */
  readonly capacity: number;
  /** How many tokens of each are computed: 1 to decode, more, of a single sequence, to prefill or to check drafts. */
  readonly numNewTokens: number;
}

/** The rows that a batch's tokens take in a step. */
export function numRowsOf({
  sequences,
  numNewTokens,
}: Pick<ScheduledBatch, 'sequences' | 'numNewTokens'>): number {
  return sequences.length * numNewTokens;
}
