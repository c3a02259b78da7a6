// Numbers as whole ones of 8 bits: what both ways of attention with them have in common.
import type { GraphBuilder, Value } from '../model/graph-builder.js';
import type { LayerKept } from './attention-format.js';
import { ROWS, WIDTH } from './heads.js';

/** The largest level of s8, and what it is moved up by to become a u8. */
export const [SIGNED, ZERO] = [127, 128];
/** The largest level of u8. */
const UNSIGNED = 255;

/** One scale for each row, or for each column, of f32 or s32 [1, B, H, rows, columns]: a block is as long as it likes. */
export const ONE_FOR_ROW = { axis: WIDTH, block_size: 2 ** 30 };
export const ONE_FOR_COLUMN = { axis: ROWS, block_size: 2 ** 30 };

/** Whole numbers, and the largest magnitude of those that share a scale. */
export interface Levels {
  readonly levels: Value;
  readonly largest: Value;
}

/**
 * Numbers as whole ones, of the zero point's type, by the largest along an axis. A row of zeros has the scale 0, and 0 / 0 is
 * some level or other: times the scale it is zero again.
 */
export function toLevels(graph: GraphBuilder, numbers: Value, zeroPoint: Value, axis = WIDTH): Levels {
  const largest = graph.op('ReduceMax', [graph.op('Abs', [numbers]), graph.ints([axis])], { keepdims: 1 });
  const step = graph.scalar('float32', 1 / SIGNED);
  const parts = graph.op('Div', [numbers, largest]);
  return { levels: graph.op('QuantizeLinear', [parts, step, zeroPoint]), largest };
}

/**
 * Probabilities times their values' scales, as u8: the first token of a text draws much attention and has small values, and
 * would leave few levels for the others.
 */
export function weightedLevels(graph: GraphBuilder, { part }: LayerKept, probabilities: Value): Levels {
  const weights = graph.op('Mul', [probabilities, part('value_scale')]);
  const largest = graph.op('ReduceMax', [weights, graph.ints([WIDTH])], { keepdims: 1 });
  const step = graph.op('Mul', [largest, graph.scalar('float32', 1 / UNSIGNED)]);
  return { levels: graph.op('QuantizeLinear', [weights, step], ONE_FOR_ROW), largest };
}

/** What a key's largest magnitude makes of the product of two levels: the attention's scale is in it. */
export function keyStep(attentionScale: number): number {
  return attentionScale / (SIGNED * SIGNED);
}

/** What a value's largest magnitude makes of the product of two levels. */
export const VALUE_STEP = 1 / (SIGNED * UNSIGNED);

/** What it adds to keys' scores that queries are moved up: 128 times the sum of a key, whose numbers lie along the axis. */
export function keyOffset(graph: GraphBuilder, { levels, scale, axis }: KeyLevels): Value {
  const sums = graph.op('ReduceSum', [graph.op('Cast', [levels], { to: 1 }), graph.ints([axis])], {
    keepdims: 1,
  });
  return graph.op('Mul', [graph.op('Mul', [sums, graph.scalar('float32', ZERO)]), scale]);
}

interface KeyLevels {
  readonly levels: Value;
  readonly scale: Value;
  readonly axis: number;
}
