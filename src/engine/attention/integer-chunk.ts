import type { Value } from '../model/graph-builder.js';
import type { AttentionModel, ChunkAttention, Kept, LayerKept } from './attention-format.js';
import { ROWS } from './heads.js';
import { keyOffset, keyStep, toLevels, VALUE_STEP, weightedLevels, ZERO } from './integer-levels.js';

/** Many rows of one sequence: their product takes the zero point, and applies the keys' scales to its sums while it has them. */
export function integerChunk(model: AttentionModel): ChunkAttention {
  return {
    toKeep: (layer, key, value) => toKeep(model, layer, { key, value }),
    scores: (kept, query) => scores(model, kept, query),
    mean: (kept, probabilities) => mean(model, kept, probabilities),
  };
}

/** Keys become columns before they are levels: to transpose single bytes takes several times as long. */
function toKeep(
  { graph, shape, scales }: AttentionModel,
  layer: number,
  { key, value }: { key: Value; value: Value },
): Kept {
  const zeroPoint = graph.scalar('int8', 0);
  const columns = graph.op('Transpose', [key], { perm: [0, 1, 3, 4, 2] }); // [1, 1, H, D, S]
  const keys = toLevels(graph, columns, zeroPoint, ROWS);
  const values = toLevels(graph, value, zeroPoint);
  const scale = graph.op('Mul', [keys.largest, graph.scalar('float32', keyStep(scales[layer]!))]);
  const valueScale = graph.op('Reshape', [values.largest, graph.ints([1, 1, shape.numHeads, 1, -1])]);
  return {
    key: keys.levels,
    key_scale: scale,
    key_offset: keyOffset(graph, { levels: keys.levels, scale, axis: ROWS }),
    value: values.levels,
    value_scale: graph.op('Mul', [valueScale, graph.scalar('float32', VALUE_STEP)]),
  };
}

function scores({ graph }: AttentionModel, { part }: LayerKept, query: Value): Value {
  const zeroPoint = graph.scalar('uint8', ZERO);
  const { levels, largest } = toLevels(graph, query, zeroPoint);
  const operands = [levels, part('key'), graph.scalar('float32', 1), part('key_scale'), zeroPoint];
  return graph.op('Mul', [graph.contrib('MatMulIntegerToFloat', operands)[0]!, largest]);
}

function mean({ graph }: AttentionModel, kept: LayerKept, probabilities: Value): Value {
  const { levels, largest } = weightedLevels(graph, kept, probabilities);
  const one = graph.scalar('float32', 1);
  const [sums] = graph.contrib('MatMulIntegerToFloat', [levels, kept.part('value'), one, one]);
  return graph.op('Mul', [sums!, largest]);
}
