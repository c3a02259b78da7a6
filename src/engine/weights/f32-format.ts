import { F32_ATTENTION } from '../attention/f32-attention.js';
import { headWeight, type MatrixFormat } from './matrix-format.js';

/** The checkpoint's own matrices, multiplied in f32. */
export const F32_FORMAT: MatrixFormat = {
  name: 'f32',
  plan: undefined,
  rowMultiple: { linear: 1, head: 1 },
  attention: async () => F32_ATTENTION,
  products: ({ graph, config, weight }) => ({
    linear: (name, input) =>
      graph.op('Add', [graph.op('MatMul', [input, weight(`${name}.weight`)]), weight(`${name}.bias`)]),
    head: (hidden) => graph.contrib('FusedMatMul', [hidden, weight(headWeight(config))], { transB: 1 })[0]!,
  }),
};
