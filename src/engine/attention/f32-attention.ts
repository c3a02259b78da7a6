import { bytesPerPosition, type KvPart, type KvShape } from '../kv-cache/kv-part.js';
import type { Value } from '../model/graph-builder.js';
import type { AttentionFormat, AttentionModel } from './attention-format.js';
import { rowProduct, swapHeads } from './heads.js';

/** Keys and values as they were computed: f32 [slots, H, positions, D]. */
export const F32_ATTENTION: AttentionFormat = {
  name: 'f32',
  parts,
  positionCost: (shape) => bytesPerPosition(parts(shape), shape),
  open: (model) => ({
    decode: {
      scores: ({ layer, part }, query, newKey) => {
        const scaled = scaledQuery(model, layer, query);
        const scores = [product(model, scaled, part('key')), rowProduct(model.graph, scaled, newKey)];
        return model.graph.op('Concat', scores, { axis: -1 });
      },
      mean: ({ part }, probabilities) => model.graph.op('MatMul', [probabilities, part('value')]),
      toKeep: (key, value) => ({ key, value }),
    },
    chunk: {
      toKeep: (_, key, value) => ({ key: swapHeads(model.graph, key), value }),
      scores: ({ layer, part }, query) => product(model, scaledQuery(model, layer, query), part('key')),
      mean: ({ part }, probabilities) => model.graph.op('MatMul', [probabilities, part('value')]),
    },
  }),
};

/**
 * Not by the product's alpha, with which it lacks the kernel for a decoding step's single row. And not by one number, which
 * ONNX Runtime would make the alpha again.
 */
function scaledQuery(
  { graph, shape: { headWidth }, scales }: AttentionModel,
  layer: number,
  query: Value,
): Value {
  return graph.op('Mul', [query, graph.floats(Array(headWidth).fill(scales[layer]), [headWidth])]);
}

function product({ graph }: AttentionModel, query: Value, key: Value): Value {
  return graph.contrib('FusedMatMul', [query, key], { transB: 1 })[0]!;
}

function parts({ numHeads, headWidth }: KvShape): readonly KvPart[] {
  const part = { type: 'float32', before: [numHeads], after: [headWidth] } as const;
  return [
    { ...part, name: 'key' },
    { ...part, name: 'value' },
  ];
}
