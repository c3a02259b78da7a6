import type { ChunkInputs, DecodeInputs } from '../attention/attend.js';
import type { GraphBuilder, Value } from './graph-builder.js';

/**
 * The most batches of a step: two of sequences that decode and a prefill chunk, or one and two. Each takes
 * inputs of its own, which every step must give, so more of them would cost a lone stream more (docs/engine.md,
 * "Several batches in a step").
 */
export const MAX_BATCHES = 3;

/** The graph's input of this name for one of the batches. */
export function batchInput(name: string, batch: number): string {
  return `${name}_${batch}`;
}

/** The graph's input that has a batch's past of a layer's part. */
export function pastRows(part: string, layer: number, batch: number): string {
  return batchInput(`past_${part}_${layer}`, batch);
}

/** The graph's output that has a batch's new rows of a part. */
export function newRows(part: string, batch: number): string {
  return batchInput(`new_${part}`, batch);
}

/** The inputs of one batch. */
export interface BatchInputs extends DecodeInputs, ChunkInputs {
  /** bool []. */
  readonly isPresent: Value;
  /** bool []. */
  readonly isChunk: Value;
  /** Its own rows and those behind it: int64 [2]. */
  readonly rowSplit: Value;
}

/** Declares the inputs of one batch. */
export function createBatchInputs(graph: GraphBuilder, index: number): BatchInputs {
  const [B, S, width] = ['B', 'S', 'width'].map((name) => batchInput(name, index));
  return {
    isPresent: graph.input(batchInput('is_present', index), 'bool', []),
    isChunk: graph.input(batchInput('is_chunk', index), 'bool', []),
    rowSplit: graph.input(batchInput('row_split', index), 'int64', [2]),
    split: graph.input(batchInput('split', index), 'int64', [2]),
    numPast: graph.input(batchInput('num_past', index), 'int64', [1]),
    bias: graph.input(batchInput('attention_bias', index), 'float32', [B!, 1, S!, width!]),
  };
}
