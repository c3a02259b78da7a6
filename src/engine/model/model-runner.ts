import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { AttentionFormat } from '../attention/attention-format.js';
import type { KvArray, KvPart } from '../kv-cache/kv-part.js';
import { type KvLimits, KvStore, type NewKv } from '../kv-cache/kv-store.js';
import type { ScheduledBatch } from '../scheduling/scheduled-batch.js';
import type { RowPadding } from '../weights/matrix-format.js';
import { type Gpt2Config, kvShapeOf } from './gpt2-config.js';
import { newRows, pastRows } from './gpt2-graph.js';
import { roundUp, StepInputsFactory } from './step-inputs.js';

/** What the runner is made of. */
export interface ModelRunnerOptions {
  readonly session: InferenceSession;
  readonly config: Gpt2Config;
  /** What the graph attends with. */
  readonly attention: AttentionFormat;
  /** The capacity classes' positions per slot. */
  readonly capacities: readonly number[];
  readonly kvLimits: KvLimits;
  readonly padding: RowPadding;
}

/** What a batch gave. All arrays are the caller's. */
export interface RunOutput {
  /** f32 [logitRows, vocabulary], and perhaps rows of padding. */
  readonly logits: Float32Array;
  readonly newKv: NewKv;
}

const MAX_KEPT_VIEWS = 256;

/** Runs batches through the model and keeps their keys and values; the only user of the session and the KV store. */
export class ModelRunner {
  readonly #session: InferenceSession;
  readonly #config: Gpt2Config;
  readonly #parts: readonly KvPart[];
  readonly #fetches: readonly string[];
  readonly #kv: KvStore;
  readonly #stepInputs: StepInputsFactory;
  readonly #padding: RowPadding;
  /** The past of batches as feeds, by where the batch sits; stale when the store's generation moves on. */
  readonly #pastFeeds = new Map<string, Readonly<Record<string, Tensor>>>();
  #pastGeneration = 0;

  constructor({ session, config, attention, capacities, kvLimits, padding }: ModelRunnerOptions) {
    this.#session = session;
    this.#config = config;
    this.#padding = padding;
    this.#stepInputs = new StepInputsFactory(config, padding.tokens);
    const shape = kvShapeOf(config);
    this.#parts = attention.parts(shape);
    this.#fetches = ['logits', ...this.#parts.map(({ name }) => newRows(name))];
    this.#kv = new KvStore({ shape, parts: this.#parts, capacities, limits: kvLimits });
  }

  /**
   * Computes a batch's new tokens and appends their keys and values.
   *
   * @param logitRows which of the batch's `sequences x numNewTokens` tokens get logits
   */
  async run(batch: ScheduledBatch, logitRows: readonly number[]): Promise<RunOutput> {
    const { sequences, firstSlot, numNewTokens } = batch;
    this.#kv.apply(batch.moves);
    const outputs = await this.#session.run(
      {
        ...this.#stepInputs.fill(batch),
        ...this.#pastFeedsOf(batch),
        logit_rows: this.#toLogitRows(logitRows),
      },
      this.#fetches,
    );
    const parts = this.#parts.map(({ name }) => outputs[newRows(name)]!.data as KvArray);
    const newKv = { parts, numRows: sequences.length, numNewTokens };
    const positions = sequences.map(({ numComputedTokens }) => numComputedTokens);
    this.#kv.append(newKv, firstSlot, positions);
    return { logits: outputs['logits']!.data as Float32Array, newKv };
  }

  /** Gives back memory of classes that nobody occupies; most of it if nothing runs. */
  dropClasses(classIndexes: readonly number[], isIdle: boolean): void {
    for (const classIndex of classIndexes) this.#kv.drop(classIndex, isIdle);
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  /** The head is a product too, and padded like the others. */
  #toLogitRows(rows: readonly number[]): Tensor {
    const padded = new Int32Array(roundUp(rows.length, this.#padding.logits));
    padded.set(rows);
    return new Tensor('int32', padded, [padded.length]);
  }

  #pastFeedsOf({ firstSlot, sequences, capacity }: ScheduledBatch): Readonly<Record<string, Tensor>> {
    const key = `${firstSlot.classIndex}:${firstSlot.index}+${sequences.length}`;
    if (this.#pastGeneration !== this.#kv.generation || this.#pastFeeds.size >= MAX_KEPT_VIEWS) {
      this.#pastFeeds.clear();
      this.#pastGeneration = this.#kv.generation;
    }
    const kept = this.#pastFeeds.get(key);
    if (kept !== undefined) return kept;
    const slots = { ...firstSlot, numSlots: sequences.length };
    const feeds: Record<string, Tensor> = {};
    for (const [part, { name, type, before, after }] of this.#parts.entries()) {
      const shape = [sequences.length, ...before, capacity, ...after];
      for (let layer = 0; layer < this.#config.numLayers; layer++)
        feeds[pastRows(name, layer)] = new Tensor(type, this.#kv.view(part, layer, slots), shape);
    }
    this.#pastFeeds.set(key, feeds);
    return feeds;
  }
}
