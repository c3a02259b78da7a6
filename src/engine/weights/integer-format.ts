import { smallAttention } from '../attention/small-attention.js';
import { activateBiased } from '../model/activation.js';
import type { Value } from '../model/graph-builder.js';
import { multiplyHead } from './integer-head.js';
import {
  createLevelKinds,
  INTEGER_SETTINGS,
  type LevelKind,
  type Matrix,
  multiplyLevels,
  toRowLevels,
} from './integer-product.js';
import { INPUT_SCALES_SUFFIX, LEAST_ACTIVATION, planIntegerWeights } from './integer-weights.js';
import { linearSize, type MatrixFormat, type ModelGraph } from './matrix-format.js';

/**
 * Weights of 8 bits with one scale for each output, multiplied with inputs of 8 bits that have one scale for each row.
 * Such a product is a sum of whole numbers, fast and the same in any order; the scales come after it.
 *
 * One large channel takes levels from all others of its row. So the stored weights are balanced (channel-balance.ts),
 * by factors that the layer before takes where it can; an activation is multiplied by them in the graph. It is also
 * moved up to begin at zero, since most of its levels would be negative and never used; the stored bias makes up for it.
 */
export const INTEGER_FORMAT: MatrixFormat = {
  name: 'i8',
  rowMultiple: 1,
  plan: planIntegerWeights,
  sessionSettings: INTEGER_SETTINGS,
  attention: smallAttention,
  products: (model) => {
    const { graph, config, weight } = model;
    const kinds = createLevelKinds(graph);
    const product = (name: string, input: Value, rows = model.embeddings) => {
      const matrix = { name: `${name}.weight`, inputs: linearSize(config, name).inputs };
      return name.endsWith('mlp.c_proj')
        ? multiply(model, matrix, raiseActivation(model, name, input), kinds.unsigned)
        : multiply(model, matrix, input, kinds.signed(rows));
    };
    return {
      linear: (name, input, rows) => graph.op('Add', [product(name, input, rows), weight(`${name}.bias`)]),
      activated: (name, input, rows) =>
        activateBiased(graph, config.activation, product(name, input, rows), weight(`${name}.bias`)),
      head: (hidden, rows) => multiplyHead(model, hidden, kinds.signed(rows)),
    };
  },
};

/** Without the bias: f32 [n, inputs] -> [n, outputs]. */
function multiply(model: ModelGraph, matrix: Matrix, input: Value, kind: LevelKind): Value {
  const { levels, scales } = toRowLevels(model.graph, input, kind, matrix.inputs);
  return model.graph.op('Mul', [multiplyLevels(model, matrix, levels, kind), scales]);
}

function raiseActivation({ graph, config, weight }: ModelGraph, name: string, input: Value): Value {
  const least = LEAST_ACTIVATION[config.activation];
  const raised = least === 0 ? input : graph.op('Add', [input, graph.scalar('float32', -least)]);
  return graph.op('Mul', [raised, weight(`${name}${INPUT_SCALES_SUFFIX}`)]);
}
