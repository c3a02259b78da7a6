import type { GraphBuilder, Value } from '../model/graph-builder.js';

/** Axes of [1, B, H, S, D]; not from the end: if there are no rows, ONNX Runtime does not know the last one by -1. */
export const [ROWS, WIDTH] = [3, 4];

/** [1, B, S, H, D] -> [1, B, H, S, D], or the other way about. */
export function swapHeads(graph: GraphBuilder, value: Value): Value {
  return graph.op('Transpose', [value], { perm: [0, 1, 3, 2, 4] });
}

/**
 * The product of each row with its own other one: twice f32 [1, B, H, S, D] -> [1, B, H, S, 1]. Faster than a matrix product of
 * one row and one column for each.
 */
export function rowProduct(graph: GraphBuilder, left: Value, right: Value): Value {
  return graph.op('ReduceSum', [graph.op('Mul', [left, right]), graph.ints([WIDTH])], { keepdims: 1 });
}
