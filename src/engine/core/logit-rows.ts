import { numRowsOf, type ScheduledBatch, type ScheduledStep } from '../scheduling/scheduled-step.js';
import type { Sequence } from '../scheduling/sequence.js';

/** The neighbouring rows of a step whose logits one sequence reads. */
export interface LogitRows {
  readonly sequence: Sequence;
  /** Counted from the step's first row, that of the first batch's first sequence's first new token. */
  readonly firstRow: number;
  /** The position, in the sequence, of the first row's token. */
  readonly firstPosition: number;
  /** How many tell how probable the prompt's next tokens are; they come first. */
  readonly numPromptRows: number;
  /** How many are there to choose tokens from: the row of the last token, and one for each draft behind it. */
  readonly numSamplingRows: number;
}

/** The rows to read of a step, by its sequences; none of one that goes on prefilling and tells nothing of its prompt. */
export function logitRowsOf({ batches }: ScheduledStep): LogitRows[] {
  let start = 0;
  return batches.flatMap((batch) => {
    const rows = rowsOfBatch(batch, start);
    start += numRowsOf(batch);
    return rows;
  });
}

function rowsOfBatch({ sequences, numNewTokens }: ScheduledBatch, start: number): LogitRows[] {
  return sequences.flatMap((sequence, index) => {
    const { numComputedTokens, numPromptTokens, numPendingTokens, firstLogitPosition } = sequence;
    const end = numComputedTokens + Math.min(numNewTokens, numPendingTokens);
    const first = Math.max(numComputedTokens, firstLogitPosition);
    // A row tells of the token after it, so the prompt's last one tells nothing of the prompt.
    const numPromptRows = Math.max(0, Math.min(end, numPromptTokens - 1) - first);
    const isComputed = end === sequence.numTokens;
    if (numPromptRows === 0 && !isComputed) return [];
    const numSamplingRows = isComputed && !sequence.isFull ? 1 + sequence.numDraftTokens : 0;
    const firstPosition = numPromptRows > 0 ? first : sequence.numTokens - 1;
    const firstRow = start + index * numNewTokens + firstPosition - numComputedTokens;
    return [{ sequence, firstRow, firstPosition, numPromptRows, numSamplingRows }];
  });
}

/** The numbers of these rows in their step. */
export function toRowNumbers({ firstRow, numPromptRows, numSamplingRows }: LogitRows): number[] {
  return Array.from({ length: numPromptRows + numSamplingRows }, (_, i) => firstRow + i);
}
