import { attendChunk, attendDecode, type NewHeads } from '../attention/attend.js';
import type { AttentionFormat, GraphAttention, LayerKept } from '../attention/attention-format.js';
import type { KvShape } from '../kv-cache/kv-part.js';
import {
  type BatchInputs,
  batchInput,
  createBatchInputs,
  MAX_BATCHES,
  newRows,
  pastRows,
} from './batch-inputs.js';
import type { ElementType, GraphBuilder, Value } from './graph-builder.js';

/** What the batches' attention is made of. */
export interface StepBatchesOptions {
  readonly graph: GraphBuilder;
  readonly format: AttentionFormat;
  readonly shape: KvShape;
  /** By what each layer's scores are multiplied. */
  readonly scales: readonly number[];
}

/** What a batch has to keep in a layer: new keys and values as they are, or each part of them; in a branch not taken, nothing. */
interface NewKept {
  readonly heads: NewHeads;
  /** In the format's order; none where the batch is never a chunk. */
  readonly parts: readonly Value[];
}

/** What some batches' attention gives in a layer: their rows, [rows, E], and what each has to keep. */
interface Attended {
  readonly rows: Value;
  readonly kept: readonly NewKept[];
}

/**
 * The batches of a step as its graph sees them. The first is there in every step, but may be without rows; each other one only
 * behind that before.
 */
export class StepBatches {
  readonly #options: StepBatchesOptions;
  readonly #attention: GraphAttention;
  readonly #batches: readonly BatchInputs[];
  readonly #partTypes: readonly ElementType[];
  /** By layer: what each batch has to keep. */
  readonly #kept: (readonly NewKept[])[] = [];

  constructor(options: StepBatchesOptions) {
    this.#options = options;
    this.#attention = options.format.open(options);
    this.#batches = Array.from({ length: MAX_BATCHES }, (_, i) => createBatchInputs(options.graph, i));
    this.#partTypes = options.format.parts(options.shape).map(({ type }) => type);
  }

  /** Causal self-attention, each batch by itself, over its past and its new tokens: queries, keys and values [rows, 3E] -> [rows, E]. */
  attend(layer: number, qkv: Value): Value {
    const { rows, kept } = this.#attendFrom(0, layer, qkv);
    this.#kept.push(kept);
    return rows;
  }

  /** Adds the outputs for what each batch has to keep. */
  addOutputs(): void {
    const { graph, format, shape } = this.#options;
    for (const [index, { isPresent, isChunk }] of this.#batches.entries()) {
      const decode = () => this.#decodedToKeep(index);
      const chunk = () => this.#chunkToKeep(index);
      const make = () => graph.when(isChunk, this.#partTypes, { make: chunk, none: decode });
      const kept =
        index === 0
          ? decode()
          : graph.when(isPresent, this.#partTypes, { make, none: () => this.#noParts() });
      for (const [i, { name, type }] of format.parts(shape).entries())
        graph.output(newRows(name, index), kept[i]!, type);
    }
  }

  /** A batch, and those behind it where there are any. */
  #attendFrom(index: number, layer: number, qkv: Value): Attended {
    const { graph } = this.#options;
    if (index === MAX_BATCHES - 1) return this.#attendTo(index, layer, qkv);
    const [own, others] = graph.ops('Split', [qkv, this.#batches[index]!.rowSplit], 2, { axis: 0 });
    const attended = this.#attendTo(index, layer, own!);
    const rest = this.#attendWherePresent(index + 1, layer, others!);
    const rows = graph.op('Concat', [attended.rows, rest.rows], { axis: 0 });
    return { rows, kept: [...attended.kept, ...rest.kept] };
  }

  #attendWherePresent(index: number, layer: number, qkv: Value): Attended {
    const { graph, shape } = this.#options;
    return this.#when(this.#batches[index]!.isPresent, MAX_BATCHES - index, {
      make: () => this.#attendFrom(index, layer, qkv),
      none: () => ({
        rows: graph.empty('float32', [0, shape.numHeads * shape.headWidth]),
        kept: Array.from({ length: MAX_BATCHES - index }, () => this.#nothing()),
      }),
    });
  }

  #attendTo(index: number, layer: number, qkv: Value): Attended {
    const batch = this.#batches[index]!;
    const attending = { ...this.#options, attention: this.#attention };
    const past = this.#pastOf(index, layer);
    const decode = (parts: readonly Value[]) => {
      const { rows, heads } = attendDecode(attending, batch, past, qkv);
      return { rows, kept: [{ heads, parts }] };
    };
    if (index === 0) return decode([]);
    return this.#when(batch.isChunk, 1, {
      make: () => {
        const { rows, kept } = attendChunk(attending, batch, past, qkv);
        const parts = this.#options.format.parts(this.#options.shape).map(({ name }) => kept[name]!);
        return { rows, kept: [{ heads: this.#nothing().heads, parts }] };
      },
      none: () => decode(this.#noParts()),
    });
  }

  /** One of two ways to attend to so many batches. */
  #when(condition: Value, numBatches: number, branches: Record<'make' | 'none', () => Attended>): Attended {
    const flat = ({ rows, kept }: Attended) => [
      rows,
      ...kept.flatMap(({ heads, parts }) => [heads.key, heads.value, ...parts]),
    ];
    const ofBatch: ElementType[] = ['float32', 'float32', ...this.#partTypes];
    const types: ElementType[] = ['float32', ...Array<ElementType[]>(numBatches).fill(ofBatch).flat()];
    const [rows, ...values] = this.#options.graph.when(condition, types, {
      make: () => flat(branches.make()),
      none: () => flat(branches.none()),
    });
    const kept = Array.from({ length: numBatches }, (_, i) => {
      const [key, value, ...parts] = values.slice(i * ofBatch.length, (i + 1) * ofBatch.length);
      return { heads: { key: key!, value: value! }, parts };
    });
    return { rows: rows!, kept };
  }

  #nothing(): NewKept {
    const { graph } = this.#options;
    return { heads: { key: graph.empty('float32'), value: graph.empty('float32') }, parts: this.#noParts() };
  }

  #noParts(): Value[] {
    return this.#partTypes.map((type) => this.#options.graph.empty(type));
  }

  #decodedToKeep(index: number): Value[] {
    const { graph, format, shape } = this.#options;
    const ofLayers = this.#kept.map((kept) => kept[index]!.heads);
    const [keys, values] = [ofLayers.map(({ key }) => key), ofLayers.map(({ value }) => value)];
    const key = graph.op('Concat', keys, { axis: 0 });
    const value = graph.op('Concat', values, { axis: 0 });
    const kept = this.#attention.decode.toKeep(key, value);
    return format.parts(shape).map(({ name }) => kept[name]!);
  }

  #chunkToKeep(index: number): Value[] {
    const ofLayers = this.#kept.map((kept) => kept[index]!.parts);
    return this.#partTypes.map((_, part) => {
      const layers = ofLayers.map((parts) => parts[part]!);
      return this.#options.graph.op('Concat', layers, { axis: 0 });
    });
  }

  /** The inputs for what a layer has kept. */
  #pastOf(index: number, layer: number): LayerKept {
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
