import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { type KvLimits, KvStore } from '../kv-cache/kv-store.js';
import type { ScheduledBatch } from '../scheduling/scheduled-batch.js';
import type { RowPadding } from '../weights/matrix-format.js';
import type { Gpt2Config } from './gpt2-config.js';
import { roundUp, StepInputsFactory } from './step-inputs.js';

/** What the runner is made of. */
export interface ModelRunnerOptions {
  readonly session: InferenceSession;
  readonly config: Gpt2Config;
  /** The capacity classes' positions per slot. */
  readonly capacities: readonly number[];
  readonly kvLimits: KvLimits;
  readonly padding: RowPadding;
}

/** What a batch gave. Both arrays are the caller's. */
export interface RunOutput {
  /** f32 [logitRows, vocabulary], and perhaps rows of padding. */
  readonly logits: Float32Array;
  /** The new keys and values: f32 [L * 2, sequences, heads, numNewTokens, headWidth]. */
  readonly newKv: Float32Array;
}

const FETCHES = ['logits', 'new_kv'];
const MAX_KEPT_VIEWS = 256;

/** Runs batches through the model and keeps their keys and values; the only user of the session and the KV store. */
export class ModelRunner {
  readonly #session: InferenceSession;
  readonly #config: Gpt2Config;
  readonly #kv: KvStore;
  readonly #stepInputs: StepInputsFactory;
  readonly #padding: RowPadding;
  /** The past of batches as feeds, by where the batch sits; stale when the store's generation moves on. */
  readonly #pastFeeds = new Map<string, Readonly<Record<string, Tensor>>>();
  #pastGeneration = 0;

  constructor({ session, config, capacities, kvLimits, padding }: ModelRunnerOptions) {
    this.#session = session;
    this.#config = config;
    this.#padding = padding;
    this.#stepInputs = new StepInputsFactory(config, padding.tokens);
    const { numLayers, numHeads, hiddenSize } = config;
    this.#kv = new KvStore({ numLayers, numHeads, headWidth: hiddenSize / numHeads }, capacities, kvLimits);
  }

  /**
   * Computes a batch's new tokens and appends their keys and values.
   *
   * @param logitRows which of the batch's `sequences x numNewTokens` tokens get logits
   */
  async run(batch: ScheduledBatch, logitRows: readonly number[]): Promise<RunOutput> {
    const { sequences, firstSlot, numNewTokens } = batch;
    this.#kv.apply(batch.moves);
    const { logits, new_kv } = await this.#session.run(
      {
        ...this.#stepInputs.fill(batch),
        ...this.#pastFeedsOf(batch),
        logit_rows: this.#toLogitRows(logitRows),
      },
      FETCHES,
    );
    const newKv = { data: new_kv!.data as Float32Array, numRows: sequences.length, numNewTokens };
    this.#kv.append(
      newKv,
      firstSlot,
      sequences.map(({ numComputedTokens }) => numComputedTokens),
    );
    return { logits: logits!.data as Float32Array, newKv: newKv.data };
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
    const { numLayers, numHeads, hiddenSize } = this.#config;
    const shape = [sequences.length, numHeads, capacity, hiddenSize / numHeads];
    const feeds: Record<string, Tensor> = {};
    for (let layer = 0; layer < numLayers; layer++) {
      const view = (part: number) => this.#kv.view(2 * layer + part, firstSlot, sequences.length);
      feeds[`past_key_${layer}`] = new Tensor('float32', view(0), shape);
      feeds[`past_value_${layer}`] = new Tensor('float32', view(1), shape);
    }
    this.#pastFeeds.set(key, feeds);
    return feeds;
  }
}
