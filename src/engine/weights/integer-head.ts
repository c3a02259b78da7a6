import { TensorProto_DataType as DataType } from '../model/gen/onnx/onnx.js';
import type { Value } from '../model/graph-builder.js';
import { planIntegerHead } from './integer-head-weights.js';
import {
  blockPerRow,
  createLevelKinds,
  INTEGER_SETTINGS,
  type LevelKind,
  multiplyLevels,
  quantizeRows,
  toRowLevels,
} from './integer-product.js';
import { type HeadFormat, headWeight, type ModelGraph } from './matrix-format.js';

/** How large the largest channel of a row may be, in root mean squares of the others, until 8 bits are too few. */
const MAX_CREST = 8;

/** What is left of a level, at most half of the step to the next one, is told by so many levels. */
const REST_LEVELS = 254;

/** A head of 8 bits with one scale for each token, multiplied with rows of 8 bits, or of twice as many. */
export const INTEGER_HEAD: HeadFormat = {
  name: 'i8',
  sessionSettings: INTEGER_SETTINGS,
  plan: (checkpoint) => [planIntegerHead(checkpoint)],
  product: (model, hidden, rows) => multiplyHead(model, hidden, createLevelKinds(model.graph).signed(rows)),
};

/**
 * Logits: f32 [R, E] -> [R, vocabulary]. What a model's last norm gives may have channels many times as large as the others, in some
 * rows and not in others, and a checkpoint does not tell. One scale for a row would leave the others few levels. So where
 * there is such a row, the product takes what rounding took from it too, as a second row of levels.
 */
export function multiplyHead(model: ModelGraph, hidden: Value, kind: LevelKind): Value {
  const { graph, config } = model;
  const matrix = { name: headWeight(config), inputs: config.hiddenSize };
  const { levels, scales, largest } = toRowLevels(graph, hidden, kind, matrix.inputs);
  const uneven = unevenRows(model, hidden, largest);
  const numUneven = graph.op('ReduceSum', [uneven], { keepdims: 0 });
  const isAnyUneven = graph.op('Cast', [numUneven], { to: DataType.BOOL });
  const restScales = () => graph.op('Mul', [scales, graph.scalar('float32', 1 / REST_LEVELS)]);

  const withRests = () => {
    const blocks = blockPerRow(matrix.inputs);
    const told = graph.op('DequantizeLinear', [levels, scales, kind.zeroPoints], blocks);
    const rests = graph.op('Sub', [hidden, told]);
    const restLevels = quantizeRows(graph, rests, restScales(), kind, matrix.inputs);
    return graph.op('Concat', [levels, restLevels], { axis: 0 });
  };
  const [rows] = graph.when(isAnyUneven, ['uint8'], {
    make: () => [withRests()],
    none: () => [graph.op('Identity', [levels])],
  });
  const product = multiplyLevels(model, matrix, rows!, kind);

  const sumOfBoth = () => {
    const [told, rests] = graph.ops('Split', [product], 2, { axis: 0, num_outputs: 2 });
    // Of the other rows nothing is added, so that their bits do not depend on these.
    const factors = graph.op('Mul', [restScales(), uneven]);
    return graph.op('Add', [graph.op('Mul', [told!, scales]), graph.op('Mul', [rests!, factors])]);
  };
  const [logits] = graph.when(isAnyUneven, ['float32'], {
    make: () => [sumOfBoth()],
    none: () => [graph.op('Mul', [product, scales])],
  });
  return logits!;
}

/** 1 where a row has a channel that is much larger than the others, else 0: f32 [R, 1]. */
function unevenRows({ graph, config }: ModelGraph, hidden: Value, largest: Value): Value {
  const squares = graph.op('ReduceSumSquare', [hidden, graph.ints([1])], { keepdims: 1 });
  // As largest ** 2 > MAX_CREST ** 2 * (squares - largest ** 2) / E.
  const factor = graph.scalar('float32', 1 + config.hiddenSize / MAX_CREST ** 2);
  const bound = graph.op('Mul', [graph.op('Mul', [largest, largest]), factor]);
  return graph.op('Cast', [graph.op('Greater', [bound, squares])], { to: DataType.FLOAT });
}
