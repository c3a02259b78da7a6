import { Tensor } from 'onnxruntime-node';
import type { ScheduledBatch } from '../scheduling/scheduled-batch.js';

/** The small inputs of a step, by the names that the graph gives them; rewritten in place from step to step. */
export interface StepInputs {
  readonly input_ids: Tensor;
  readonly position_ids: Tensor;
  readonly attention_bias: Tensor;
  readonly split: Tensor;
}

/** Added to the score of what must not be seen: large enough to vanish in f32, small enough to stay finite. */
const MASKED = -1e9;
const MAX_KEPT_SHAPES = 64;

/** Makes the inputs of steps, keeping the buffers of the shapes that come again and again. */
export class StepInputsFactory {
  readonly #kept = new Map<string, StepInputs>();

  /** Fills in the inputs of a batch; they hold until the next call. */
  fill(batch: ScheduledBatch): StepInputs {
    const inputs = this.#inputsOf(batch.sequences.length, batch.numNewTokens, batch.capacity);
    fillTokens(batch, inputs);
    fillAttentionBias(batch, inputs.attention_bias.data as Float32Array);
    return inputs;
  }

  #inputsOf(rows: number, newTokens: number, past: number): StepInputs {
    const key = `${rows}x${newTokens}x${past}`;
    let inputs = this.#kept.get(key);
    if (inputs !== undefined) return inputs;
    const size = rows * newTokens;
    inputs = {
      input_ids: new Tensor('int32', new Int32Array(size), [rows, newTokens]),
      position_ids: new Tensor('int32', new Int32Array(size), [rows, newTokens]),
      attention_bias: new Tensor('float32', new Float32Array(size * (past + newTokens)), [
        ...[rows, 1, newTokens, past + newTokens],
      ]),
      split: new Tensor('int64', BigInt64Array.of(BigInt(past), BigInt(newTokens)), [2]),
    };
    if (this.#kept.size >= MAX_KEPT_SHAPES) this.#kept.clear();
    this.#kept.set(key, inputs);
    return inputs;
  }
}

/** `input_ids` and `position_ids`: i32 [rows, newTokens]. */
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
