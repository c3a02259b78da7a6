import { F32_ATTENTION } from '../attention/f32-attention.js';
import { activate } from '../model/activation.js';
import type { Value } from '../model/graph-builder.js';
import { headWeight, type MatrixFormat } from './matrix-format.js';

/** The checkpoint's own matrices, multiplied in f32. */
export const F32_FORMAT: MatrixFormat = {
  name: 'f32',
  plan: undefined,
  rowMultiple: 1,
  attention: async () => F32_ATTENTION,
  products: ({ graph, config, weight }) => {
    const linear = (name: string, input: Value) =>
      graph.op('Gemm', [input, weight(`${name}.weight`), weight(`${name}.bias`)]);
    return {
      linear,
      activated: (name, input) => activate(graph, config.activation, linear(name, input)),
      head: (hidden) => graph.contrib('FusedMatMul', [hidden, weight(headWeight(config))], { transB: 1 })[0]!,
    };
  },
};
