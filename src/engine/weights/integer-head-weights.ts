import type { Checkpoint } from '../model/checkpoint.js';
import type { StoredTensor } from '../model/safetensors.js';
import { readTensorValues } from '../model/tensor-values.js';
import { scaleNorm } from './channel-balance.js';
import { type HeadPart, readHead } from './head-parts.js';
import { headWeight } from './matrix-format.js';
import { quantizeColumns } from './quantization.js';
import { DATA_SUFFIX, type PlannedWeights, SCALES_SUFFIX, toBytes } from './quantized-weights.js';

/** How much larger or smaller than those of all channels together a channel's weights may be, by their root mean squares. */
const MAX_UNEVENNESS = 2;

/**
 * The last norm and the head, which the checkpoint stores [vocabulary, E] and the product takes [E, vocabulary], with one scale
 * for each token.
 *
 * A channel whose weights are much smaller than the others' would have few levels, and one with much larger weights would
 * leave few to the others: the norm takes what is beyond, since rows have more levels where they need them (integer-head.ts).
 */
export function planIntegerHead({ config, weights }: Checkpoint): PlannedWeights {
  const { hiddenSize, vocabSize } = config;
  const name = headWeight(config);
  const source = weights.get(name)!;
  return {
    sourceBytes: source.byteLength,
    tensors: [
      { name: 'ln_f.weight', dtype: 'F32', shape: [hiddenSize] },
      { name: 'ln_f.bias', dtype: 'F32', shape: [hiddenSize] },
      { name: name + DATA_SUFFIX, dtype: 'I8', shape: [hiddenSize, vocabSize] },
      { name: name + SCALES_SUFFIX, dtype: 'F32', shape: [vocabSize] },
    ],
    encode: () => {
      const read = (part: string) => readTensorValues(part, weights.get(part)!);
      const norm = { weight: read('ln_f.weight'), bias: read('ln_f.bias') };
      const factors = factorsBeyond(channelSizes(name, source, hiddenSize));
      scaleNorm(norm, factors);
      const data = new Int8Array(hiddenSize * vocabSize);
      const scales = new Float32Array(vocabSize);
      for (const part of readHead(name, source)) {
        const { first, numTokens } = part;
        const quantized = quantizeColumns(toColumns(part, factors), numTokens);
        scales.set(quantized.scales, first);
        for (let channel = 0; channel < hiddenSize; channel++) {
          const column = quantized.data.subarray(channel * numTokens, (channel + 1) * numTokens);
          data.set(column, channel * vocabSize + first);
        }
      }
      return [norm.weight, norm.bias, data, scales].map(toBytes);
    },
  };
}

/** The root mean square of each channel's weights. */
function channelSizes(name: string, source: StoredTensor, numChannels: number): Float64Array {
  const sums = new Float64Array(numChannels);
  for (const { values } of readHead(name, source)) {
    for (let at = 0; at < values.length; ) {
      for (let channel = 0; channel < numChannels; channel++, at++)
        sums[channel]! += values[at]! * values[at]!;
    }
  }
  return sums.map((sum) => Math.sqrt(sum / source.shape[0]!));
}

/** By what each size is beyond MAX_UNEVENNESS, up or down; 1 for all others, and for none at all. */
function factorsBeyond(sizes: Float64Array): Float32Array {
  const overall = Math.sqrt(sizes.reduce((sum, size) => sum + size ** 2, 0) / sizes.length);
  return Float32Array.from(sizes, (size) => {
    const ratio = size / overall;
    return ratio > 0 ? ratio / Math.min(Math.max(ratio, 1 / MAX_UNEVENNESS), MAX_UNEVENNESS) : 1;
  });
}

/** [tokens, channels] -> f32 [channels, tokens], each channel divided by its factor. */
function toColumns({ values }: HeadPart, factors: Float32Array): Float32Array {
  const columns = new Float32Array(values.length);
  for (let channel = 0, at = 0; channel < factors.length; channel++) {
    const factor = factors[channel]!;
    for (let from = channel; from < values.length; from += factors.length, at++)
      columns[at] = values[from]! / factor;
  }
  return columns;
}
