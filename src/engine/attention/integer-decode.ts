import type { Value } from '../model/graph-builder.js';
import type { AttentionModel, DecodeAttention, Kept, LayerKept } from './attention-format.js';
import { rowProduct, WIDTH } from './heads.js';
import {
  keyOffset,
  keyStep,
  ONE_FOR_COLUMN,
  ONE_FOR_ROW,
  SIGNED,
  toLevels,
  VALUE_STEP,
  weightedLevels,
  ZERO,
} from './integer-levels.js';

/**
 * A single row of each sequence. A product of u8 with s8 has a kernel for it, which takes the cache's bytes as they
 * lie, if neither has a zero point: so what moving queries up adds to a score is kept beside the key, and taken off.
 */
export function integerDecode(model: AttentionModel): DecodeAttention {
  return {
    scores: (past, query, newKey) => scores(model, past, { query, newKey }),
    mean: (past, probabilities) => mean(model, past, probabilities),
    toKeep: (key, value) => toKeep(model, { key, value }),
  };
}

/** The same rounded query for all keys: what rounding does to the score of what keys have in common goes unseen. */
function scores(
  { graph, shape: { numHeads, headWidth }, scales }: AttentionModel,
  { layer, part }: LayerKept,
  { query, newKey }: { query: Value; newKey: Value },
): Value {
  const zeroPoint = graph.scalar('uint8', ZERO);
  const { levels, largest } = toLevels(graph, query, zeroPoint);
  // Tile by tile [1, B, H, tiles, 1, positions of a tile], which is [1, B, H, 1, P] as it lies.
  const forTiles = graph.op('Reshape', [levels, graph.ints([1, -1, numHeads, 1, 1, headWidth])]);
  const inTiles = graph.op('MatMulInteger', [forTiles, part('key')]);
  const product = graph.op('Reshape', [inTiles, graph.op('Shape', [part('key_scale')])]);
  const scaled = graph.op('DequantizeLinear', [product, part('key_scale')], ONE_FOR_COLUMN);
  const onPast = graph.op('Sub', [scaled, part('key_offset')]);
  const step = graph.scalar('float32', scales[layer]! / SIGNED);
  const onNew = rowProduct(graph, graph.op('DequantizeLinear', [levels, step, zeroPoint]), newKey);
  return graph.op('Mul', [graph.op('Concat', [onPast, onNew], { axis: -1 }), largest]);
}

function mean({ graph }: AttentionModel, past: LayerKept, probabilities: Value): Value {
  const { levels, largest } = weightedLevels(graph, past, probabilities);
  const product = graph.op('MatMulInteger', [levels, past.part('value')]);
  return graph.op('DequantizeLinear', [product, largest], ONE_FOR_ROW);
}

/** A single key is a row and a column alike. */
function toKeep(
  { graph, shape, scales }: AttentionModel,
  { key, value }: { key: Value; value: Value },
): Kept {
  const zeroPoint = graph.scalar('int8', 0);
  const [keys, values] = [toLevels(graph, key, zeroPoint), toLevels(graph, value, zeroPoint)];
  const ofLayers = graph.floats(scales.map(keyStep), [shape.numLayers, 1, 1, 1, 1]);
  const scale = graph.op('Mul', [keys.largest, ofLayers]);
  return {
    key: keys.levels,
    key_scale: scale,
    key_offset: keyOffset(graph, { levels: keys.levels, scale, axis: WIDTH }),
    value: values.levels,
    value_scale: graph.op('Mul', [values.largest, graph.scalar('float32', VALUE_STEP)]),
  };
}
