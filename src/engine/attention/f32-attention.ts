import { bytesPerPosition, type KvPart, type KvShape } from '../kv-cache/kv-part.js';
import type { AttentionFormat } from './attention-format.js';

/** Keys and values as they were computed: f32 [slots, H, positions, D]. */
export const F32_ATTENTION: AttentionFormat = {
  name: 'f32',
  parts,
  positionCost: (shape) => bytesPerPosition(parts(shape), shape),
  open: ({ graph, shape: { headWidth }, scales }) => ({
    scores: ({ layer, part }, query, newKey) => {
      // Not by the products' alpha, with which they lack the kernel for a decoding step's single row. And not by one
      // number, which ONNX Runtime would make the alpha again.
      const factors = graph.floats(Array(headWidth).fill(scales[layer]), [headWidth]);
      const scaled = graph.op('Mul', [query, factors]);
      const [onPast] = graph.contrib('FusedMatMul', [scaled, part('key')], { transB: 1 });
      const [onNew] = graph.contrib('FusedMatMul', [scaled, newKey], { transB: 1 });
      return graph.op('Concat', [onPast!, onNew!], { axis: -1 });
    },
    mean: ({ part }, probabilities) => graph.op('MatMul', [probabilities, part('value')]),
    toKeep: ({ key, value }) => ({ key, value }),
  }),
};

function parts({ numHeads, headWidth }: KvShape): readonly KvPart[] {
  const part = { type: 'float32', before: [numHeads], after: [headWidth] } as const;
  return [
    { ...part, name: 'key' },
    { ...part, name: 'value' },
  ];
}
