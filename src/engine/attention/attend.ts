import type { KvPart, KvShape } from '../kv-cache/kv-part.js';
import type { GraphBuilder, Value } from '../model/graph-builder.js';
import type { AttentionFormat, GraphAttention, Kept, LayerKept } from './attention-format.js';
import { swapHeads } from './heads.js';

/** What attention of one batch is made with. */
export interface Attending {
  readonly graph: GraphBuilder;
  readonly format: AttentionFormat;
  readonly attention: GraphAttention;
  readonly shape: KvShape;
}

/** B sequences with one new token each, after P positions. */
export interface DecodeInputs {
  /** P and 1: int64 [2]. */
  readonly split: Value;
  /** f32 [B, 1, 1, P + 1]. */
  readonly bias: Value;
}

/** A chunk: S new tokens of one sequence. */
export interface ChunkInputs {
  /** How many of the positions that are given it has computed: int64 [1]. */
  readonly numPast: Value;
  /** f32 [1, 1, S, computed positions + S]. */
  readonly bias: Value;
}

/** The keys and values of B sequences' tokens in a layer: each f32 [1, B, H, 1, D]. */
export interface NewHeads {
  readonly key: Value;
  readonly value: Value;
}

/** One token each: queries, keys and values [B, 3E] -> [B, E], and what is new. */
export function attendDecode(
  attending: Attending,
  { split, bias }: DecodeInputs,
  past: LayerKept,
  qkv: Value,
): { rows: Value; heads: NewHeads } {
  const { graph, attention, shape } = attending;
  const [query, key, value] = splitHeads(attending, qkv, [1, -1, shape.numHeads, 1, shape.headWidth]);
  const scores = attention.decode.scores(past, query, key); // [1, B, H, 1, P + 1]
  const probabilities = graph.op('Softmax', [graph.op('Add', [scores, bias])], { axis: -1 });
  const [onPast, onNew] = graph.ops('Split', [probabilities, split], 2, { axis: -1 });
  const mean = graph.op('Add', [attention.decode.mean(past, onPast!), graph.op('Mul', [onNew!, value])]);
  return { rows: toRows(attending, mean), heads: { key, value } };
}

/** A chunk: queries, keys and values [S, 3E] -> [S, E], and what is to be kept. */
export function attendChunk(
  attending: Attending,
  { numPast, bias }: ChunkInputs,
  past: LayerKept,
  qkv: Value,
): { rows: Value; kept: Kept } {
  const { graph, attention, shape } = attending;
  const [query, key, value] = splitHeads(attending, qkv, [1, 1, -1, shape.numHeads, shape.headWidth]);
  const kept = attention.chunk.toKeep(past.layer, key, swapHeads(graph, value));
  const all = joined(attending, { past, numPast, kept });
  const scores = attention.chunk.scores(all, swapHeads(graph, query)); // [1, 1, H, S, positions]
  const probabilities = graph.op('Softmax', [graph.op('Add', [scores, bias])], { axis: -1 });
  const mean = attention.chunk.mean(all, probabilities);
  return { rows: toRows(attending, swapHeads(graph, mean)), kept };
}

/** What a chunk looks at: what is computed of the past, and itself. What lies behind in the slot is for later tokens. */
function joined(
  { graph, format, shape }: Attending,
  { past, numPast, kept }: { past: LayerKept; numPast: Value; kept: Kept },
): LayerKept {
  const parts = new Map(format.parts(shape).map((part) => [part.name, part]));
  return {
    layer: past.layer,
    part: (name) => {
      const part = parts.get(name)!;
      const axis = part.columnHeight === undefined ? 2 + part.before.length : 3 + part.before.length;
      const positions = untiled(graph, part, past.part(name));
      const computed = graph.op('Slice', [positions, graph.ints([0]), numPast, graph.ints([axis])]);
      return graph.op('Concat', [computed, kept[name]!], { axis });
    },
  };
}

/** What lies in tiles as one of all positions: [1, 1, ...before, tiles, columnHeight, positions] -> [1, 1, ...before, columnHeight, P]. */
function untiled(graph: GraphBuilder, { before, columnHeight }: KvPart, value: Value): Value {
  if (columnHeight === undefined) return value;
  const tiles = 2 + before.length;
  const outer = Array.from({ length: tiles }, (_, axis) => axis);
  const byRows = graph.op('Transpose', [value], { perm: [...outer, tiles + 1, tiles, tiles + 2] });
  return graph.op('Reshape', [byRows, graph.ints([1, 1, ...before, columnHeight, -1])]);
}

/** [rows, 3E] -> three of the shape. */
function splitHeads({ graph }: Attending, qkv: Value, shape: readonly number[]): [Value, Value, Value] {
  const parts = graph.ops('Split', [qkv], 3, { axis: 1, num_outputs: 3 });
  return parts.map((part) => graph.op('Reshape', [part, graph.ints(shape)])) as [Value, Value, Value];
}

/** [..., H, ..., D] -> [rows, E], where the heads of a row lie side by side. */
function toRows({ graph, shape }: Attending, mean: Value): Value {
  return graph.op('Reshape', [mean, graph.ints([-1, shape.numHeads * shape.headWidth])]);
}
