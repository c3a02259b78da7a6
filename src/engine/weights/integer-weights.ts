import type { Checkpoint } from '../model/checkpoint.js';
import type { Activation } from '../model/gpt2-config.js';
import { readTensorValues } from '../model/tensor-values.js';
import { balanceInputs, type Layer, scaleNorm, scaleOutputs } from './channel-balance.js';
import { planIntegerHead } from './integer-head-weights.js';
import { quantizeColumns } from './quantization.js';
import {
  DATA_SUFFIX,
  type PlannedTensor,
  type PlannedWeights,
  SCALES_SUFFIX,
  toBytes,
} from './quantized-weights.js';

/** By what an activation is multiplied before it is quantized: f32 [inputs]. */
export const INPUT_SCALES_SUFFIX = '.input_scales';

/** No activation gives less. */
export const LEAST_ACTIVATION: Readonly<Record<Activation, number>> = {
  'gelu-tanh': -0.1701,
  'gelu-erf': -0.17,
  relu: 0,
};

/** What is written for a model that is multiplied as in integer-format.ts. */
export function planIntegerWeights(checkpoint: Checkpoint): PlannedWeights[] {
  const layers = Array.from({ length: checkpoint.config.numLayers }, (_, layer) => `h.${layer}`);
  return [
    ...layers.flatMap((prefix) => [planAttention(checkpoint, prefix), planMlp(checkpoint, prefix)]),
    planIntegerHead(checkpoint),
  ];
}

/** The second layer's input are the values, which are the last outputs of the first. */
function planAttention(checkpoint: Checkpoint, prefix: string): PlannedWeights {
  const names = [`${prefix}.ln_1`, `${prefix}.attn.c_attn`, `${prefix}.attn.c_proj`] as const;
  return planHalfLayer(checkpoint, names, ([norm, first, second]) => {
    scaleOutputs(first, 2 * checkpoint.config.hiddenSize, balanceInputs(second));
    scaleNorm(norm, balanceInputs(first));
    return [...encodeNorm(norm), ...encodeLinear(first), ...encodeLinear(second)];
  });
}

/** The second layer's input is the activation, which is scaled and moved in the graph. */
function planMlp(checkpoint: Checkpoint, prefix: string): PlannedWeights {
  const names = [`${prefix}.ln_2`, `${prefix}.mlp.c_fc`, `${prefix}.mlp.c_proj`] as const;
  const plan = planHalfLayer(checkpoint, names, ([norm, first, second]) => {
    const inputScales = balanceInputs(second);
    scaleNorm(norm, balanceInputs(first));
    const least = LEAST_ACTIVATION[checkpoint.config.activation];
    return [
      ...encodeNorm(norm),
      ...encodeLinear(first),
      ...encodeLinear(
        second,
        inputScales.map((scale) => scale * least),
      ),
      toBytes(inputScales),
    ];
  });
  const inputScales = {
    name: names[2] + INPUT_SCALES_SUFFIX,
    dtype: 'F32',
    shape: [checkpoint.config.innerSize],
  } as const;
  return { ...plan, tensors: [...plan.tensors, inputScales] };
}

type HalfLayer<T> = readonly [norm: T, first: T, second: T];

function planHalfLayer(
  { weights }: Checkpoint,
  names: HalfLayer<string>,
  encode: (layers: HalfLayer<Layer>) => Uint8Array[],
): PlannedWeights {
  const sources = (name: string) => [weights.get(`${name}.weight`)!, weights.get(`${name}.bias`)!] as const;
  const read = (name: string): Layer => {
    const [weight, bias] = sources(name);
    return {
      weight: readTensorValues(`${name}.weight`, weight),
      bias: readTensorValues(`${name}.bias`, bias),
    };
  };
  const [norm, first, second] = names;
  return {
    sourceBytes: names.flatMap(sources).reduce((sum, { byteLength }) => sum + byteLength, 0),
    tensors: names.flatMap((name) => layerTensors(name, sources(name)[0].shape)),
    encode: () => encode([read(norm), read(first), read(second)]),
  };
}

function layerTensors(name: string, shape: readonly number[]): PlannedTensor[] {
  const channels = shape.slice(-1);
  const bias = { name: `${name}.bias`, dtype: 'F32', shape: channels } as const;
  if (shape.length === 1) return [{ name: `${name}.weight`, dtype: 'F32', shape }, bias];
  return [
    { name: `${name}.weight${DATA_SUFFIX}`, dtype: 'I8', shape },
    { name: `${name}.weight${SCALES_SUFFIX}`, dtype: 'F32', shape: channels },
    bias,
  ];
}

function encodeNorm({ weight, bias }: Layer): Uint8Array[] {
  return [toBytes(weight), toBytes(bias)];
}

/** `offsets` f32 [inputs] is added to every row of the input by the bias: as much as the graph takes away. */
function encodeLinear({ weight, bias }: Layer, offsets?: Float32Array): Uint8Array[] {
  const { data, scales } = quantizeColumns(weight, bias.length);
  if (offsets === undefined) return [toBytes(data), toBytes(scales), toBytes(bias)];
  const sums = new Float64Array(bias.length);
  for (let at = 0; at < data.length; ) {
    const offset = offsets[at / bias.length]!;
    for (let output = 0; output < bias.length; output++, at++) sums[output]! += data[at]! * offset;
  }
  const moved = bias.map((value, output) => value + sums[output]! * scales[output]!);
  return [toBytes(data), toBytes(scales), toBytes(moved)];
}
