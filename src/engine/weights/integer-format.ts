import { smallAttention } from '../attention/small-attention.js';
import { activateBiased } from '../model/activation.js';
import type { Value } from '../model/graph-builder.js';
import { integerProductOverflows } from '../model/integer-overflow.js';
import { blockFormat } from './block-format.js';
import { HEAD_SCHEME, INPUT_SCALES_SUFFIX, LEAST_ACTIVATION, planIntegerWeights } from './integer-weights.js';
import { linearSize, type MatrixFormat, type ModelGraph } from './matrix-format.js';
import { DATA_SUFFIX, SCALES_SUFFIX } from './quantized-weights.js';

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
  rowMultiple: { linear: 1, head: 2 },
  plan: planIntegerWeights,
  // Weights become u8 where they must: that takes memory, and the product more time.
  sessionSettings: async () => ((await integerProductOverflows()) ? { x64quantprecision: '1' } : undefined),
  attention: smallAttention,
  products: (model) => {
    const levels = createLevels(model);
    const { graph, config, weight } = model;
    const product = (name: string, input: Value, rows = model.embeddings) =>
      name.endsWith('mlp.c_proj')
        ? multiply(model, name, raiseActivation(model, name, input), levels.unsigned)
        : multiply(model, name, input, levels.signed(rows));
    return {
      ...blockFormat(HEAD_SCHEME).products(model),
      linear: (name, input, rows) => graph.op('Add', [product(name, input, rows), weight(`${name}.bias`)]),
      activated: (name, input, rows) =>
        activateBiased(graph, config.activation, product(name, input, rows), weight(`${name}.bias`)),
    };
  },
};

/** The whole numbers that a row becomes: u8, as the product is slow with s8. */
interface Levels {
  /** How far two levels are apart where the largest magnitude is 1. */
  readonly step: Value;
  /** Which level is zero where it is not the first: u8, and the same for each row, [n, 1]. */
  readonly zeroPoint: Value;
  readonly zeroPoints: Value;
  readonly isSigned: boolean;
}

function createLevels({ graph }: ModelGraph) {
  const unsigned: Levels = {
    step: graph.scalar('float32', 1 / 255),
    zeroPoint: '',
    zeroPoints: '',
    isSigned: false,
  };
  const [step, zeroPoint] = [graph.scalar('float32', 1 / 127), graph.scalar('uint8', 128)];
  const zeroPointsOf = new Map<Value, Value>();
  const signed = (rows: Value): Levels => {
    let zeroPoints = zeroPointsOf.get(rows);
    if (zeroPoints === undefined) {
      const points = graph.op('Expand', [zeroPoint, graph.op('Shape', [rows], { start: 0, end: 1 })]);
      zeroPoints = graph.op('Unsqueeze', [points, graph.ints([1])]);
      zeroPointsOf.set(rows, zeroPoints);
    }
    return { step, zeroPoint, zeroPoints, isSigned: true };
  };
  return { signed, unsigned };
}

/**
 * Without the bias: f32 [n, inputs] -> [n, outputs]. A row of zeros has the scale 0, and 0 / 0 is some level or other: times
 * the scale it is zero again.
 */
function multiply({ graph, config, weight }: ModelGraph, name: string, input: Value, levels: Levels): Value {
  const magnitudes = levels.isSigned ? graph.op('Abs', [input]) : input;
  // Not the axis -1, by which no rows at all become [0, inputs].
  const largest = graph.op('ReduceMax', [magnitudes, graph.ints([1])], { keepdims: 1 });
  const scales = graph.op('Mul', [largest, levels.step]); // [N, 1]
  const { inputs } = linearSize(config, name);
  // One block is a whole row.
  const blocks = { axis: 1, block_size: inputs };
  const quantized = graph.op('QuantizeLinear', [input, scales, levels.zeroPoints], blocks);
  const matrix = [weight(`${name}.weight${DATA_SUFFIX}`), weight(`${name}.weight${SCALES_SUFFIX}`)] as const;
  const operands = [quantized, matrix[0], graph.scalar('float32', 1), matrix[1], levels.zeroPoint];
  const [product] = graph.contrib('MatMulIntegerToFloat', operands);
  return graph.op('Mul', [product!, scales]);
}

function raiseActivation({ graph, config, weight }: ModelGraph, name: string, input: Value): Value {
  const least = LEAST_ACTIVATION[config.activation];
  const raised = least === 0 ? input : graph.op('Add', [input, graph.scalar('float32', -least)]);
  return graph.op('Mul', [raised, weight(`${name}${INPUT_SCALES_SUFFIX}`)]);
}
