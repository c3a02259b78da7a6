import type { KvPart, KvShape } from '../kv-cache/kv-part.js';
import type { GraphBuilder, Value } from '../model/graph-builder.js';
import type { AttentionFormat, AttentionModel, LayerPast, NewTokens } from './attention-format.js';

/** The largest levels of s8 and of u8, and what an s8 is moved up by to become one. */
const [SIGNED, UNSIGNED, ZERO] = [127, 255, 128];

/** One scale for each row, or for each column, of f32 or s32 [1, B, H, rows, columns]: a block is as long as it likes. */
const ONE_FOR_ROW = { axis: 4, block_size: 2 ** 30 };
const ONE_FOR_COLUMN = { axis: 3, block_size: 2 ** 30 };

/**
 * Keys and values in 8 bits, each with one scale for a head's position: a quarter of the memory, and of what a step reads.
 *
 * A product of u8 with s8 is a sum of whole numbers, the same in any order, and has a kernel for a single row as long as
 * neither has a zero point. So keys lie as columns, [slots, H, D, positions]; queries are moved up by 128, and what that adds
 * to a score, 128 times the sum of the key, is kept beside the key and taken off. Probabilities are quantized with
 * their values' scales in them: the first token of a text draws much attention and has small values, and would leave
 * few levels for the others.
 *
 * A row of zeros has the scale 0, and 0 / 0 is some level or other: times the scale it is zero again.
 */
export const INTEGER_ATTENTION: AttentionFormat = {
  name: 'i8',
  parts,
  // Half of what f32 costs, by measurement: a quarter of the bytes, and more to do with each (docs/engine.md, "Capacity").
  positionCost: ({ numLayers, numHeads, headWidth }) => numLayers * numHeads * headWidth * 4,
  open: (model) => ({
    scores: (past, query, newKey) => scores(model, past, { query, newKey }),
    mean: (past, probabilities) => mean(model, past, probabilities),
    toKeep: (tokens) => toKeep(model, tokens),
  }),
};

/** The same rounded query for all keys: what rounding does to the score of what keys have in common goes unseen. */
function scores(
  { graph, scales }: AttentionModel,
  { layer, part }: LayerPast,
  { query, newKey }: { query: Value; newKey: Value },
): Value {
  const zeroPoint = graph.scalar('uint8', ZERO);
  const { levels, largest } = toLevels(graph, query, zeroPoint);
  const product = graph.op('MatMulInteger', [levels, part('key')]);
  const scaled = graph.op('DequantizeLinear', [product, part('key_scale')], ONE_FOR_COLUMN);
  const onPast = graph.op('Sub', [scaled, part('key_offset')]);
  const step = graph.scalar('float32', scales[layer]! / SIGNED);
  const rounded = graph.op('DequantizeLinear', [levels, step, zeroPoint]);
  const [onNew] = graph.contrib('FusedMatMul', [rounded, newKey], { transB: 1 });
  return graph.op('Mul', [graph.op('Concat', [onPast, onNew!], { axis: -1 }), largest]);
}

/** The values' scales are in the levels already. */
function mean({ graph }: AttentionModel, { part }: LayerPast, probabilities: Value): Value {
  const weights = graph.op('Mul', [probabilities, part('value_scale')]);
  const largest = graph.op('ReduceMax', [weights, graph.ints([-1])], { keepdims: 1 });
  const step = graph.op('Mul', [largest, graph.scalar('float32', 1 / UNSIGNED)]);
  const levels = graph.op('QuantizeLinear', [weights, step], ONE_FOR_ROW);
  const product = graph.op('MatMulInteger', [levels, part('value')]);
  return graph.op('DequantizeLinear', [product, largest], ONE_FOR_ROW);
}

/** The attention's scale is in the keys'. */
function toKeep({ graph, shape, scales }: AttentionModel, { key, value, numNewTokens }: NewTokens) {
  const zeroPoint = graph.scalar('int8', 0);
  const [keys, values] = [toLevels(graph, key, zeroPoint), toLevels(graph, value, zeroPoint)];
  const ofKeys = graph.floats(
    scales.map((scale) => scale / (SIGNED * SIGNED)),
    [shape.numLayers, 1, 1, 1, 1],
  );
  const keyScale = graph.op('Mul', [keys.largest, ofKeys]);
  const sums = graph.op('ReduceSum', [graph.op('Cast', [keys.levels], { to: 1 }), graph.ints([-1])], {
    keepdims: 1,
  });
  const zeroes = graph.op('Mul', [sums, graph.scalar('float32', ZERO)]);
  // As one more dimension, else ONNX Runtime transposes each layer's keys by themselves.
  const heads = graph.op('Concat', [graph.ints([-1]), numNewTokens, graph.ints([shape.headWidth])], {
    axis: 0,
  });
  const byHead = graph.op('Reshape', [keys.levels, heads]);
  return {
    key: graph.op('Transpose', [byHead], { perm: [0, 2, 1] }),
    key_scale: keyScale,
    key_offset: graph.op('Mul', [zeroes, keyScale]),
    value: values.levels,
    value_scale: graph.op('Mul', [values.largest, graph.scalar('float32', 1 / (SIGNED * UNSIGNED))]),
  };
}

function parts({ numHeads, headWidth }: KvShape): readonly KvPart[] {
  const scale = { type: 'float32', before: [numHeads, 1], after: [] } as const;
  return [
    { name: 'key', type: 'int8', before: [numHeads, headWidth], after: [] },
    { ...scale, name: 'key_scale' },
    { ...scale, name: 'key_offset' },
    { name: 'value', type: 'int8', before: [numHeads], after: [headWidth] },
    { ...scale, name: 'value_scale' },
  ];
}

/** Rows as whole numbers, of the zero point's type: f32 [..., n] -> levels [..., n], and the largest magnitudes f32 [..., 1]. */
function toLevels(graph: GraphBuilder, rows: Value, zeroPoint: Value): { levels: Value; largest: Value } {
  const largest = graph.op('ReduceMax', [graph.op('Abs', [rows]), graph.ints([-1])], { keepdims: 1 });
  const step = graph.scalar('float32', 1 / SIGNED);
  const parts = graph.op('Div', [rows, largest]);
  return { levels: graph.op('QuantizeLinear', [parts, step, zeroPoint]), largest };
}
