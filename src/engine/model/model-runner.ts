import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { AttentionFormat } from '../attention/attention-format.js';
import type { KvArray } from '../kv-cache/kv-part.js';
import { KvStore, type NewKv } from '../kv-cache/kv-store.js';
import type { ScheduledBatch, ScheduledStep } from '../scheduling/scheduled-step.js';
import type { RowPadding } from '../weights/matrix-format.js';
import { MAX_BATCHES, newRows } from './batch-inputs.js';
import { placeBatches } from './batch-places.js';
import { FeedSet, type Feeds } from './feed-set.js';
import { type Gpt2Config, kvShapeOf } from './gpt2-config.js';
import type { InputEmbeddings } from './input-embeddings.js';
import { createPast, type KvLayers, noPast, pastShape } from './past-feeds.js';
import { roundUp, StepInputsFactory } from './step-inputs.js';

/** What the runner is made of. */
export interface ModelRunnerOptions {
  readonly session: InferenceSession;
  readonly config: Gpt2Config;
  /** Closed with the runner. */
  readonly embeddings: InputEmbeddings;
  /** What the graph attends with. */
  readonly attention: AttentionFormat;
  /** The capacity classes' positions per slot. */
  readonly capacities: readonly number[];
  /** The most positions that the sequences may hold together. */
  readonly maxPositions: number;
  readonly padding: RowPadding;
}

/** What a step gave. All arrays are the caller's. */
export interface RunOutput {
  /** f32 [logitRows, vocabulary], and perhaps rows of padding. */
  readonly logits: Float32Array;
  /** What was kept, by batch. */
  readonly newKv: readonly NewKv[];
}

const MAX_KEPT_VIEWS = 256;

/** Runs steps through the model and keeps their keys and values; the only user of the session and the KV store. */
export class ModelRunner {
  readonly #session: InferenceSession;
  readonly #layers: KvLayers;
  readonly #kv: KvStore;
  readonly #stepInputs: StepInputsFactory;
  readonly #padding: RowPadding;
  readonly #feeds = new FeedSet();
  /** The past of batches as feeds, by where the batch sits; stale when the store's generation moves on. */
  readonly #pastFeeds = new Map<string, Feeds>();
  /** For the batches that a step lacks, in their order. */
  readonly #absentPast: readonly Feeds[];
  /** The outputs that have what is to be kept, by batch. */
  readonly #keptNames: readonly (readonly string[])[];
  readonly #embeddings: InputEmbeddings;
  #pastGeneration = 0;

  constructor(options: ModelRunnerOptions) {
    const { session, config, embeddings, attention, capacities, maxPositions, padding } = options;
    this.#session = session;
    this.#padding = padding;
    this.#embeddings = embeddings;
    this.#stepInputs = new StepInputsFactory(config, embeddings, padding.tokens);
    const shape = kvShapeOf(config);
    const parts = attention.parts(shape);
    this.#layers = { parts, numLayers: config.numLayers };
    this.#kv = new KvStore({ shape, parts, capacities, maxPositions });
    const numbers = Array.from({ length: MAX_BATCHES }, (_, batch) => batch);
    this.#absentPast = numbers.map((batch) => noPast(this.#layers, batch));
    this.#keptNames = numbers.map((batch) => parts.map(({ name }) => newRows(name, batch)));
  }

  /**
   * Computes the new tokens of a step's batches and appends their keys and values.
   *
   * @param logitRows which of the rows get logits: those of the batches one after the other, in each the
   *   `sequences x numNewTokens` tokens
   */
  async run({ batches, moves }: ScheduledStep, logitRows: readonly number[]): Promise<RunOutput> {
    this.#kv.apply(moves);
    const places = placeBatches(batches);
    const past = places.map((batch, index) =>
      batch === undefined ? this.#absentPast[index]! : this.#pastFeedsOf(batch, index),
    );
    const read = { logit_rows: this.#toLogitRows(logitRows) };
    const feeds = this.#feeds.combine([read, ...this.#stepInputs.fill(places), ...past]);
    const kept = this.#keptNames.filter((_, index) => places[index] !== undefined);
    const outputs = await this.#session.run(feeds, ['logits', ...kept.flat()]);
    const newKv = batches.map(({ sequences, firstSlot, numNewTokens }, index) => {
      const parts = kept[index]!.map((name) => outputs[name]!.data as KvArray);
      const rows = { parts, numRows: sequences.length, numNewTokens };
      const positions = sequences.map(({ numComputedTokens }) => numComputedTokens);
      this.#kv.append(rows, firstSlot, positions);
      return rows;
    });
    return { logits: outputs['logits']!.data as Float32Array, newKv };
  }

  /** Gives back memory of classes that nobody occupies; most of it if nothing runs. */
  dropClasses(classIndexes: readonly number[], isIdle: boolean): void {
    for (const classIndex of classIndexes) this.#kv.drop(classIndex, isIdle);
  }

  /** Gives back what was kept for the next step, which may be long in coming. */
  rest(): void {
    this.#pastFeeds.clear();
    this.#stepInputs.drop();
    this.#kv.rest();
  }

  async release(): Promise<void> {
    await this.#session.release();
    this.#embeddings.close();
  }

  /** The last layer's products and the head take these rows alone, which are padded like all. */
  #toLogitRows(rows: readonly number[]): Tensor {
    const padded = new Int32Array(roundUp(rows.length, this.#padding.logits));
    padded.set(rows);
    return new Tensor('int32', padded, [padded.length]);
  }

  #pastFeedsOf({ firstSlot, sequences, capacity }: ScheduledBatch, index: number): Feeds {
    const numSlots = sequences.length;
    const key = `${index}:${firstSlot.classIndex}:${firstSlot.index}+${numSlots}`;
    if (this.#pastGeneration !== this.#kv.generation || this.#pastFeeds.size >= MAX_KEPT_VIEWS) {
      this.#pastFeeds.clear();
      this.#pastGeneration = this.#kv.generation;
    }
    const kept = this.#pastFeeds.get(key);
    if (kept !== undefined) return kept;
    const feeds = createPast(this.#layers, index, (part, layer) => {
      const kind = this.#layers.parts[part]!;
      const view = this.#kv.view(part, layer, { ...firstSlot, numSlots });
      return new Tensor(kind.type, view, pastShape(kind, numSlots, capacity));
    });
    this.#pastFeeds.set(key, feeds);
    return feeds;
  }
}
