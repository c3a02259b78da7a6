import type { KvShape } from '../kv-cache/kv-part.js';
import type { GraphBuilder, Value } from '../model/graph-builder.js';
import type { AttentionFormat, GraphAttention, Kept, LayerKept } from './attention-format.js';

/** What attention of one batch is made with. */
export interface Attending {
  readonly graph: GraphBuilder;
  readonly format: AttentionFormat;
  readonly attention: GraphAttention;
  readonly shape: KvShape;
}

/** A batch of few rows: B sequences of S new tokens each, after P positions. */
export interface RowInputs {
  /** B, S, 3, H, D: int64 [5]. */
  readonly qkvShape: Value;
  /** P and S: int64 [2]. */
  readonly split: Value;
  /** f32 [B, 1, S, P + S]. */
  readonly bias: Value;
}

/** A chunk: S new tokens of one sequence. */
export interface ChunkInputs {
  /** How many of the positions that are given it has computed: int64 [1]. */
  readonly numPast: Value;
  /** f32 [1, 1, S, computed positions + S]. */
  readonly bias: Value;
}

/** A batch's keys and values in a layer: each f32 [1, B, H, S, D]. */
export interface NewHeads {
  readonly key: Value;
  readonly value: Value;
}

/** Few rows: queries, keys and values [B * S, 3E] -> [B * S, E], and what is new. */
export function attendRows(
  { graph, attention, shape }: Attending,
  { qkvShape, split, bias }: RowInputs,
  past: LayerKept,
  qkv: Value,
): { rows: Value; heads: NewHeads } {
  // [B * S, 3E] -> three of [1, B, H, S, D]
  const byHead = graph.op('Transpose', [graph.op('Reshape', [qkv, qkvShape])], { perm: [2, 0, 3, 1, 4] });
  const [query, key, value] = graph.ops('Split', [byHead], 3, { axis: 0, num_outputs: 3 });
  const scores = attention.rows.scores(past, query!, key!); // [1, B, H, S, P + S]
  const probabilities = graph.op('Softmax', [graph.op('Add', [scores, bias])], { axis: -1 });
  const [onPast, onNew] = graph.ops('Split', [probabilities, split], 2, { axis: -1 });
  const onNewValues = graph.op('MatMul', [onNew!, value!]);
  const mean = graph.op('Add', [attention.rows.mean(past, onPast!), onNewValues]);
  return { rows: toRows(graph, shape, mean), heads: { key: key!, value: value! } };
}

/** A chunk: queries, keys and values [S, 3E] -> [S, E], and what is to be kept. */
export function attendChunk(
  { graph, format, attention, shape }: Attending,
  { numPast, bias }: ChunkInputs,
  past: LayerKept,
  qkv: Value,
): { rows: Value; kept: Kept } {
  const { numHeads, headWidth } = shape;
  const [query, key, value] = graph
    .ops('Split', [qkv], 3, { axis: 1, num_outputs: 3 })
    .map((part) => graph.op('Reshape', [part, graph.ints([1, 1, -1, numHeads, headWidth])]));
  const kept = attention.chunk.toKeep(past.layer, key!, value!);
  const parts = new Map(format.parts(shape).map((part) => [part.name, part]));
  const all: LayerKept = {
    layer: past.layer,
    part: (name) => {
      const axis = 2 + parts.get(name)!.before.length;
      // What lies behind in the slot is for later tokens.
      const computed = graph.op('Slice', [past.part(name), graph.ints([0]), numPast, graph.ints([axis])]);
      return graph.op('Concat', [computed, kept[name]!], { axis });
    },
  };
  const byHead = graph.op('Transpose', [query!], { perm: [0, 1, 3, 2, 4] });
  const scores = graph.op('Add', [attention.chunk.scores(all, byHead), bias]); // [1, 1, H, S, positions]
  const mean = attention.chunk.mean(all, graph.op('Softmax', [scores], { axis: -1 }));
  return { rows: toRows(graph, shape, mean), kept };
}

/** [1, B, H, S, D] -> [B * S, E]. */
function toRows(graph: GraphBuilder, { numHeads, headWidth }: KvShape, mean: Value): Value {
  const bySequence = graph.op('Transpose', [mean], { perm: [0, 1, 3, 2, 4] });
  return graph.op('Reshape', [bySequence, graph.ints([-1, numHeads * headWidth])]);
}
