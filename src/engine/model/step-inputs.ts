import { Tensor } from 'onnxruntime-node';
import type { ScheduledBatch } from '../scheduling/scheduled-batch.js';
import type { Gpt2Config } from './gpt2-config.js';

/** The small inputs of a step, by the names that the graph gives them; rewritten in place from step to step. */
export interface StepInputs {
  readonly input_ids: Tensor;
  readonly position_ids: Tensor;
  readonly qkv_shape: Tensor;
  readonly attention_bias: Tensor;
  readonly split: Tensor;
  readonly num_tokens?: Tensor;
  readonly padding?: Tensor;
}

/** Added to the score of what must not be seen: large enough to vanish in f32, small enough to stay finite. */
const MASKED = -1e9;
const MAX_KEPT_SHAPES = 64;

/** Makes the inputs of steps, keeping the buffers of the shapes that come again and again. */
export class StepInputsFactory {
  readonly #config: Gpt2Config;
  readonly #rowMultiple: number | undefined;
  readonly #kept = new Map<string, StepInputs>();

  /** `rowMultiple` is what rows are padded to, for a graph that takes padding; undefined for one that takes none. */
  constructor(config: Gpt2Config, rowMultiple: number | undefined) {
    this.#config = config;
    this.#rowMultiple = rowMultiple;
  }

  /** Fills in the inputs of a batch; they hold until the next call. */
  fill(batch: ScheduledBatch): StepInputs {
    const key = `${batch.sequences.length}x${batch.numNewTokens}x${batch.capacity}`;
    let inputs = this.#kept.get(key);
    if (inputs === undefined) {
      inputs = this.#create(batch);
      if (this.#kept.size >= MAX_KEPT_SHAPES) this.#kept.clear();
      this.#kept.set(key, inputs);
    }
    fillTokens(batch, inputs);
    fillAttentionBias(batch, inputs.attention_bias.data as Float32Array);
    return inputs;
  }

  #create({ sequences, numNewTokens, capacity }: ScheduledBatch): StepInputs {
    const { numHeads, hiddenSize } = this.#config;
    const [numSequences, width] = [sequences.length, capacity + numNewTokens];
    const numTokens = numSequences * numNewTokens;
    const numRows = roundUp(numTokens, this.#rowMultiple ?? 1);
    const inputs = {
      input_ids: new Tensor('int32', new Int32Array(numRows), [numRows]),
      position_ids: new Tensor('int32', new Int32Array(numRows), [numRows]),
      qkv_shape: int64(numSequences, numNewTokens, 3, numHeads, hiddenSize / numHeads),
      attention_bias: float32([numSequences, 1, numNewTokens, width]),
      split: int64(capacity, numNewTokens),
    };
    if (this.#rowMultiple === undefined) return inputs;
    return { ...inputs, num_tokens: int64(numTokens), padding: float32([numRows - numTokens, hiddenSize]) };
  }
}

/** Rounds a count up to a multiple. */
export function roundUp(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}

function int64(...values: number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);
}

function float32(shape: readonly number[]): Tensor {
  return new Tensor('float32', new Float32Array(shape.reduce((product, dim) => product * dim, 1)), shape);
}

/** `input_ids` and `position_ids`: i32 [N], the padding left at 0. */
function fillTokens({ sequences, numNewTokens }: ScheduledBatch, inputs: StepInputs): void {
  const ids = inputs.input_ids.data as Int32Array;
  const positions = inputs.position_ids.data as Int32Array;
  let at = 0;
  for (const { tokenIds, numComputedTokens } of sequences) {
    for (let position = numComputedTokens; position < numComputedTokens + numNewTokens; position++, at++) {
      ids[at] = tokenIds[position]!;
      positions[at] = position;
    }
  }
}

/** `attention_bias`: f32 [rows, 1, newTokens, past + newTokens], 0 for a sequence's own past and for itself. */
function fillAttentionBias({ sequences, numNewTokens, capacity }: ScheduledBatch, bias: Float32Array): void {
  const width = capacity + numNewTokens;
  let at = 0;
  for (const { numComputedTokens } of sequences) {
    for (let token = 0; token < numNewTokens; token++, at += width) {
      bias.fill(0, at, at + numComputedTokens);
      bias.fill(MASKED, at + numComputedTokens, at + capacity);
      bias.fill(0, at + capacity, at + capacity + token + 1);
      bias.fill(MASKED, at + capacity + token + 1, at + width);
    }
  }
}
