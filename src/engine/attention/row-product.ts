import type { GraphBuilder, Value } from '../model/graph-builder.js';

/** The last axis of [1, B, H, S, D]: if there are no rows, ONNX Runtime does not know it by -1. */
const WIDTH = 4;

/**
 * The product of each row with its own other one: twice f32 [1, B, H, S, D] -> [1, B, H, S, 1]. Faster than a matrix product of
 * one row and one column for each.
 */
export function rowProduct(graph: GraphBuilder, left: Value, right: Value): Value {
  return graph.op('ReduceSum', [graph.op('Mul', [left, right]), graph.ints([WIDTH])], { keepdims: 1 });
}
