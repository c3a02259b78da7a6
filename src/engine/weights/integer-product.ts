// Products of whole numbers: what the layers and the head of integer-format.ts have in common.
import type { GraphBuilder, Value } from '../model/graph-builder.js';
import { integerProductOverflows } from '../model/integer-overflow.js';
import type { ModelGraph, SessionSettings } from './matrix-format.js';
import { DATA_SUFFIX, SCALES_SUFFIX } from './quantized-weights.js';

/** Where the product would overflow, weights become u8: that takes memory, and the product more time. */
export const INTEGER_SETTINGS: SessionSettings = async () =>
  (await integerProductOverflows()) ? { x64quantprecision: '1' } : undefined;

/** The whole numbers that rows become: u8, as the product is slow with s8. */
export interface LevelKind {
  /** How far two levels are apart where the largest magnitude is 1. */
  readonly step: Value;
  /** Which level is zero where it is not the first: u8, and the same for each row, [n, 1]. */
  readonly zeroPoint: Value;
  readonly zeroPoints: Value;
  readonly isSigned: boolean;
}

/** Rows as levels. */
export interface RowLevels {
  /** u8 [n, inputs]. */
  readonly levels: Value;
  /** By what a row's levels are multiplied: f32 [n, 1]. */
  readonly scales: Value;
  /** A row's largest magnitude: f32 [n, 1]. */
  readonly largest: Value;
}

/** A stored matrix, by the checkpoint's name. */
export interface Matrix {
  readonly name: string;
  readonly inputs: number;
}

/** The kinds of levels of one graph. */
export interface LevelKinds {
  readonly unsigned: LevelKind;
  /** For as many rows as a value has. */
  readonly signed: (rows: Value) => LevelKind;
}

/** Makes the kinds of levels of a graph, of which what it multiplies should share one. */
export function createLevelKinds(graph: GraphBuilder): LevelKinds {
  const unsigned: LevelKind = {
    step: graph.scalar('float32', 1 / 255),
    zeroPoint: '',
    zeroPoints: '',
    isSigned: false,
  };
  const [step, zeroPoint] = [graph.scalar('float32', 1 / 127), graph.scalar('uint8', 128)];
  const zeroPointsOf = new Map<Value, Value>();
  const signed = (rows: Value): LevelKind => {
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
 * Makes levels of rows f32 [n, inputs]. A row of zeros has the scale 0, and 0 / 0 is some level or other: times the scale it is
 * zero again.
 */
export function toRowLevels(graph: GraphBuilder, input: Value, kind: LevelKind, inputs: number): RowLevels {
  const magnitudes = kind.isSigned ? graph.op('Abs', [input]) : input;
  // Not the axis -1, by which no rows at all become [0, inputs].
  const largest = graph.op('ReduceMax', [magnitudes, graph.ints([1])], { keepdims: 1 });
  const scales = graph.op('Mul', [largest, kind.step]);
  return { levels: quantizeRows(graph, input, scales, kind, inputs), scales, largest };
}

/** Rows f32 [n, inputs] as levels of given scales [n, 1]. */
export function quantizeRows(
  graph: GraphBuilder,
  input: Value,
  scales: Value,
  { zeroPoints }: LevelKind,
  inputs: number,
): Value {
  return graph.op('QuantizeLinear', [input, scales, zeroPoints], blockPerRow(inputs));
}

/** One block is a whole row. */
export function blockPerRow(inputs: number) {
  return { axis: 1, block_size: inputs };
}

/** What levels u8 [n, inputs] give, the scales of the outputs applied and those of the rows not: f32 [n, outputs]. */
export function multiplyLevels(
  { graph, weight }: ModelGraph,
  { name }: Matrix,
  levels: Value,
  { zeroPoint }: LevelKind,
): Value {
  const matrix = [weight(name + DATA_SUFFIX), weight(name + SCALES_SUFFIX)] as const;
  const operands = [levels, matrix[0], graph.scalar('float32', 1), matrix[1], zeroPoint];
  return graph.contrib('MatMulIntegerToFloat', operands)[0]!;
}
