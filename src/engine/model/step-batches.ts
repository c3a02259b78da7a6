import type { AttentionFormat, GraphAttention, LayerPast } from '../attention/attention-format.js';
import type { KvShape } from '../kv-cache/kv-part.js';
import type { GraphBuilder, Value } from './graph-builder.js';

/**
 * The most batches of a step: two of sequences that decode and a prefill chunk, or the other way about. Each takes
 * inputs of its own, which every step must give, so more of them would cost a lone stream more (docs/engine.md,
 * "Several batches in a step").
 */
export const MAX_BATCHES = 3;

/** The graph's input of this name for one of the batches. */
export function batchInput(name: string, batch: number): string {
  return `${name}_${batch}`;
}

/** The graph's input that has a batch's past of a layer's part. */
export function pastRows(part: string, layer: number, batch: number): string {
  return batchInput(`past_${part}_${layer}`, batch);
}

/** The graph's output that has a batch's new rows of a part. */
export function newRows(part: string, batch: number): string {
  return batchInput(`new_${part}`, batch);
}

/** What the batches' attention is made of. */
export interface StepBatchesOptions {
  readonly graph: GraphBuilder;
  readonly format: AttentionFormat;
  readonly shape: KvShape;
  /** By what each layer's scores are multiplied. */
  readonly scales: readonly number[];
}

/** A batch's new keys and values in a layer: each f32 [1, B, H, S, D]. */
interface NewHeads {
  readonly key: Value;
  readonly value: Value;
}

/** What some batches' attention gives in a layer: their rows, [rows, E], and each one's new keys and values. */
interface Attended {
  readonly rows: Value;
  readonly heads: readonly NewHeads[];
}

/** The batches of a step as its graph sees them. The first is there in every step, each other one only behind that before. */
export class StepBatches {
  readonly #options: StepBatchesOptions;
  readonly #attention: GraphAttention;
  readonly #batches: readonly StepBatch[];
  /** By layer: what each batch has to keep. */
  readonly #heads: (readonly NewHeads[])[] = [];

  constructor(options: StepBatchesOptions) {
    this.#options = options;
    this.#attention = options.format.open(options);
    this.#batches = Array.from({ length: MAX_BATCHES }, (_, i) => createBatch(options.graph, i));
  }

  /** Causal self-attention, each batch by itself, over its past and its new tokens: queries, keys and values [rows, 3E] -> [rows, E]. */
  attend(layer: number, qkv: Value): Value {
    const { rows, heads } = this.#attendFrom(0, layer, qkv);
    this.#heads.push(heads);
    return rows;
  }

  /** Adds the outputs for what each batch has to keep. */
  addOutputs(): void {
    const { graph, format, shape } = this.#options;
    const parts = format.parts(shape);
    const types = parts.map(({ type }) => type);
    const none = () => types.map((type) => graph.empty(type));
    for (const [index, { isPresent }] of this.#batches.entries()) {
      const make = () => this.#toKeep(index);
      const kept = index === 0 ? make() : graph.when(isPresent, types, { make, none });
      for (const [i, { name, type }] of parts.entries()) graph.output(newRows(name, index), kept[i]!, type);
    }
  }

  /** A batch, and those behind it where there are any. */
  #attendFrom(index: number, layer: number, qkv: Value): Attended {
    const { graph } = this.#options;
    const past = this.#pastOf(index, layer);
    if (index === MAX_BATCHES - 1) return this.#attendTo(index, past, qkv);
    const [own, others] = graph.ops('Split', [qkv, this.#batches[index]!.rowSplit], 2, { axis: 0 });
    const attended = this.#attendTo(index, past, own!);
    const rest = this.#attendWherePresent(index + 1, layer, others!);
    const rows = graph.op('Concat', [attended.rows, rest.rows], { axis: 0 });
    return { rows, heads: [...attended.heads, ...rest.heads] };
  }

  #attendWherePresent(index: number, layer: number, qkv: Value): Attended {
    const { graph, shape } = this.#options;
    const numHeads = 2 * (MAX_BATCHES - index);
    const [rows, ...heads] = graph.when(
      this.#batches[index]!.isPresent,
      Array(1 + numHeads).fill('float32'),
      {
        make: () => {
          const made = this.#attendFrom(index, layer, qkv);
          return [made.rows, ...made.heads.flatMap(({ key, value }) => [key, value])];
        },
        none: () => [
          graph.empty('float32', [0, shape.numHeads * shape.headWidth]),
          ...Array.from({ length: numHeads }, () => graph.empty('float32')),
        ],
      },
    );
    const pairs = Array.from({ length: numHeads / 2 }, (_, i) => ({
      key: heads[2 * i]!,
      value: heads[2 * i + 1]!,
    }));
    return { rows: rows!, heads: pairs };
  }

  #attendTo(index: number, past: LayerPast, qkv: Value): Attended {
    const { graph, shape } = this.#options;
    const { qkvShape, split, bias } = this.#batches[index]!;
    // [B * S, 3E] -> three of [1, B, H, S, D]
    const byHead = graph.op('Transpose', [graph.op('Reshape', [qkv, qkvShape])], { perm: [2, 0, 3, 1, 4] });
    const [query, key, value] = graph.ops('Split', [byHead], 3, { axis: 0, num_outputs: 3 });
    const scores = this.#attention.scores(past, query!, key!); // [1, B, H, S, P + S]
    const probabilities = graph.op('Softmax', [graph.op('Add', [scores, bias])], { axis: -1 });
    const [onPast, onNew] = graph.ops('Split', [probabilities, split], 2, { axis: -1 });
    const mean = graph.op('Add', [this.#attention.mean(past, onPast!), graph.op('MatMul', [onNew!, value!])]);
    const transposed = graph.op('Transpose', [mean], { perm: [0, 1, 3, 2, 4] });
    const rows = graph.op('Reshape', [transposed, graph.ints([-1, shape.numHeads * shape.headWidth])]);
    return { rows, heads: [{ key: key!, value: value! }] };
  }

  #toKeep(index: number): Value[] {
    const { graph, format, shape } = this.#options;
    const ofLayers = this.#heads.map((heads) => heads[index]!);
    const [keys, values] = [ofLayers.map(({ key }) => key), ofLayers.map(({ value }) => value)];
    const key = graph.op('Concat', keys, { axis: 0 });
    const value = graph.op('Concat', values, { axis: 0 });
    const numNewTokens = graph.op('Slice', [this.#batches[index]!.split, graph.ints([1]), graph.ints([2])]);
    const kept = this.#attention.toKeep({ key, value, numNewTokens });
    return format.parts(shape).map(({ name }) => kept[name]!);
  }

  /** The inputs for what a layer has kept. */
  #pastOf(index: number, layer: number): LayerPast {
    const { graph, format, shape } = this.#options;
    const [B, P] = [batchInput('B', index), batchInput('P', index)];
    const inputs = new Map(
      format.parts(shape).map(({ name, type, before, after }) => {
        const input = graph.input(pastRows(name, layer, index), type, [1, B, ...before, P, ...after]);
        return [name, input];
      }),
    );
    return { layer, part: (name) => inputs.get(name)! };
  }
}

/** The inputs of one batch: B sequences of S new tokens each, after P positions. */
interface StepBatch {
  /** bool []. */
  readonly isPresent: Value;
  /** Its own rows and those behind it: int64 [2]. */
  readonly rowSplit: Value;
  /** B, S, 3, H, D: int64 [5]. */
  readonly qkvShape: Value;
  /** P and S: int64 [2]. */
  readonly split: Value;
  /** f32 [B, 1, S, P + S]. */
  readonly bias: Value;
}

function createBatch(graph: GraphBuilder, index: number): StepBatch {
  const [B, S, width] = ['B', 'S', 'P+S'].map((name) => batchInput(name, index));
  return {
    isPresent: graph.input(batchInput('is_present', index), 'bool', []),
    rowSplit: graph.input(batchInput('row_split', index), 'int64', [2]),
    qkvShape: graph.input(batchInput('qkv_shape', index), 'int64', [5]),
    split: graph.input(batchInput('split', index), 'int64', [2]),
    bias: graph.input(batchInput('attention_bias', index), 'float32', [B!, 1, S!, width!]),
  };
}
