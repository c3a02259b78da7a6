import type { ScheduledBatch } from '../scheduling/scheduled-step.js';
import { MAX_BATCHES } from './batch-inputs.js';

/** A step's batches, each where the graph has it: the first place is for sequences that decode, and may be left free. */
export type BatchPlaces = readonly (ScheduledBatch | undefined)[];

/**
 * Gives each batch its place, in their order.
 *
 * @throws RangeError where there are more of them than places
 */
export function placeBatches(batches: readonly ScheduledBatch[]): BatchPlaces {
  const places = isChunk(batches[0]!) ? [undefined, ...batches] : batches;
  if (places.length > MAX_BATCHES) throw new RangeError(`A step has no place for batch ${MAX_BATCHES + 1}.`);
  return Array.from({ length: MAX_BATCHES }, (_, index) => places[index]);
}

/** Whether a batch attends as a chunk, and not as one token of each of its sequences. */
export function isChunk({ numNewTokens }: Pick<ScheduledBatch, 'numNewTokens'>): boolean {
  return numNewTokens > 1;
}
