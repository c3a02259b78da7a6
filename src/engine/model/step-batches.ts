import { type Attending, attendChunk, attendDecode } from '../attention/attend.js';
import type { AttentionFormat, Kept, LayerKept } from '../attention/attention-format.js';
import { type KvShape, partShape } from '../kv-cache/kv-part.js';
import {
  type BatchInputs,
  batchInput,
  createBatchInputs,
  MAX_BATCHES,
  newRows,
  pastRows,
} from './batch-inputs.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import type { ElementType } from './graph-messages.js';

/** What the batches' attention is made of. */
export interface StepBatchesOptions {
  readonly graph: GraphBuilder;
  readonly format: AttentionFormat;
  readonly shape: KvShape;
  /** By what each layer's scores are multiplied. */
  readonly scales: readonly number[];
}

/** What some batches' attention gives in a layer. */
interface Attended {
  /** [rows, E]. */
  readonly rows: Value;
  /** What each batch has to keep: new keys and values, then, if it may be a chunk, each part; empty is what the other way has. */
  readonly kept: readonly (readonly Value[])[];
}

/** Of new keys and values. */
const HEAD_TYPES: readonly ElementType[] = ['float32', 'float32'];

/**
 * The batches of a step as its graph sees them. The first one decodes and is there in every step, but may be without rows; each
 * other one is only there behind that before, and may be a chunk.
 */
export class StepBatches {
  readonly #attending: Attending;
  readonly #batches: readonly BatchInputs[];
  readonly #partTypes: readonly ElementType[];
  /** By layer and batch. */
  readonly #kept: Attended['kept'][] = [];

  constructor(options: StepBatchesOptions) {
    this.#attending = { ...options, attention: options.format.open(options) };
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
    const { graph, format, shape } = this.#attending;
    const types = this.#partTypes;
    for (const [index, { isPresent }] of this.#batches.entries()) {
      const make = () => this.#toKeep(index);
      const none = () => this.#empty(types);
      const kept = index === 0 ? make() : graph.when(isPresent, types, { make, none });
      for (const [i, { name, type }] of format.parts(shape).entries())
        graph.output(newRows(name, index), kept[i]!, type);
    }
  }

  /** A batch, and those behind it where there are any. */
  #attendFrom(index: number, layer: number, qkv: Value): Attended {
    const { graph } = this.#attending;
    if (index === MAX_BATCHES - 1) return this.#attendTo(index, layer, qkv);
    const [own, others] = graph.ops('Split', [qkv, this.#batches[index]!.rowSplit], 2, { axis: 0 });
    const attended = this.#attendTo(index, layer, own!);
    const rest = this.#attendWherePresent(index + 1, layer, others!);
    const rows = graph.op('Concat', [attended.rows, rest.rows], { axis: 0 });
    return { rows, kept: [...attended.kept, ...rest.kept] };
  }

  #attendWherePresent(first: number, layer: number, qkv: Value): Attended {
    const { graph, shape } = this.#attending;
    const indexes = Array.from({ length: MAX_BATCHES - first }, (_, i) => first + i);
    return this.#when(this.#batches[first]!.isPresent, indexes, {
      make: () => this.#attendFrom(first, layer, qkv),
      none: () => ({
        rows: graph.empty('float32', [0, shape.numHeads * shape.headWidth]),
        kept: indexes.map((index) => this.#empty(this.#typesOf(index))),
      }),
    });
  }

  #attendTo(index: number, layer: number, qkv: Value): Attended {
    const batch = this.#batches[index]!;
    const past = this.#pastOf(index, layer);
    const decode = (): Attended => {
      const { rows, heads } = attendDecode(this.#attending, batch, past, qkv);
      const parts = index === 0 ? [] : this.#empty(this.#partTypes);
      return { rows, kept: [[heads.key, heads.value, ...parts]] };
    };
    const chunk = (): Attended => {
      const { rows, kept } = attendChunk(this.#attending, batch, past, qkv);
      return { rows, kept: [[...this.#empty(HEAD_TYPES), ...this.#byPart(kept)]] };
    };
    return index === 0 ? decode() : this.#when(batch.isChunk, [index], { make: chunk, none: decode });
  }

  /** One of two ways to attend to some batches. */
  #when(
    condition: Value,
    indexes: readonly number[],
    { make, none }: Record<'make' | 'none', () => Attended>,
  ): Attended {
    const ofBatches = indexes.map((index) => this.#typesOf(index));
    const flat = ({ rows, kept }: Attended) => [rows, ...kept.flat()];
    const [rows, ...values] = this.#attending.graph.when(condition, ['float32', ...ofBatches.flat()], {
      make: () => flat(make()),
      none: () => flat(none()),
    });
    return { rows: rows!, kept: ofBatches.map(({ length }) => values.splice(0, length)) };
  }

  /** Of what a batch has to keep in a layer. */
  #typesOf(index: number): readonly ElementType[] {
    return index === 0 ? HEAD_TYPES : [...HEAD_TYPES, ...this.#partTypes];
  }

  /** What a batch has to keep of all layers, by part. */
  #toKeep(index: number): readonly Value[] {
    const { graph, attention } = this.#attending;
    const numParts = this.#partTypes.length;
    const ofLayers = (i: number) =>
      graph.op(
        'Concat',
        this.#kept.map((kept) => kept[index]!.at(i)!),
        { axis: 0 },
      );
    const decoded = () => this.#byPart(attention.decode.toKeep(ofLayers(0), ofLayers(1)));
    const chunk = () => this.#partTypes.map((_, part) => ofLayers(part - numParts));
    if (index === 0) return decoded();
    return graph.when(this.#batches[index]!.isChunk, this.#partTypes, { make: chunk, none: decoded });
  }

  /** In the format's order. */
  #byPart(kept: Kept): Value[] {
    const { format, shape } = this.#attending;
    return format.parts(shape).map(({ name }) => kept[name]!);
  }

  #empty(types: readonly ElementType[]): Value[] {
    return types.map((type) => this.#attending.graph.empty(type));
  }

  /** The inputs for what a layer has kept. */
  #pastOf(index: number, layer: number): LayerKept {
    const { graph, format, shape } = this.#attending;
    const B = batchInput('B', index);
    const counts = { positions: batchInput('P', index), tiles: batchInput('T', index) };
    const inputs = new Map(
      format.parts(shape).map((part) => {
        const dimensions = [1, B, ...partShape(part, counts)];
        return [part.name, graph.input(pastRows(part.name, layer, index), part.type, dimensions)];
      }),
    );
    return { layer, part: (name) => inputs.get(name)! };
  }
}
