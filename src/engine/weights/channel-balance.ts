/** A norm or a linear layer in memory, as the checkpoint stores it. */
export interface Layer {
  /** f32 [channels] of a norm, [inputs, outputs] of a linear layer. */
  readonly weight: Float32Array;
  /** f32 [channels] or [outputs]. */
  readonly bias: Float32Array;
}

/**
 * Divides the weights of each input of a linear layer by a factor, so that all inputs have equally large weights (by their root
 * mean square), and returns the factors. The layer computes the same when its input is multiplied by them.
 *
 * A scale that all inputs share is as large as the largest of them needs it to be. How a checkpoint divides what a
 * channel means between the channel and its weights is arbitrary, and some have channels a hundred times as large as the
 * others; after this, a channel is as large as what it contributes.
 */
export function balanceInputs({ weight, bias }: Layer): Float32Array {
  const numOutputs = bias.length;
  const factors = new Float32Array(weight.length / numOutputs);
  const overall = rootMeanSquare(weight);
  for (let input = 0; input < factors.length; input++) {
    const row = weight.subarray(input * numOutputs, (input + 1) * numOutputs);
    const factor = rootMeanSquare(row) / overall;
    factors[input] = factor > 0 ? factor : 1; // of no weight at all, or in a matrix of zeros
    for (let output = 0; output < numOutputs; output++) row[output]! /= factors[input]!;
  }
  return factors;
}

/** Multiplies the channels that a norm gives by factors. */
export function scaleNorm({ weight, bias }: Layer, factors: Float32Array): void {
  for (const [channel, factor] of factors.entries()) {
    weight[channel]! *= factor;
    bias[channel]! *= factor;
  }
}

/** Multiplies outputs of a linear layer by factors, from the given one on. */
export function scaleOutputs({ weight, bias }: Layer, first: number, factors: Float32Array): void {
  for (let start = 0; start < weight.length; start += bias.length) scaleFrom(weight, start + first, factors);
  scaleFrom(bias, first, factors);
}

function scaleFrom(values: Float32Array, start: number, factors: Float32Array): void {
  for (const [index, factor] of factors.entries()) values[start + index]! *= factor;
}

function rootMeanSquare(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return Math.sqrt(sum / values.length);
}
