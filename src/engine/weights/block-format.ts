import { F32_ATTENTION } from '../attention/f32-attention.js';
import { smallAttention } from '../attention/small-attention.js';
import { activate } from '../model/activation.js';
import type { Value } from '../model/graph-builder.js';
import { type StoredTensor, tensorRows } from '../model/safetensors.js';
import { readTensorValues } from '../model/tensor-values.js';
import { headWeight, linearSize, type MatrixFormat, type ModelGraph } from './matrix-format.js';
import { type QuantizationScheme, quantizeMatrix } from './quantization.js';
import {
  DATA_SUFFIX,
  type PlannedTensor,
  type PlannedWeights,
  planUnchanged,
  SCALES_SUFFIX,
  toBytes,
} from './quantized-weights.js';

/** How much of the head is quantized at a time. */
const HEAD_ROWS = 4096;

/**
 * Weights of 8 or 4 bits in blocks that share a scale, multiplied by `MatMulNBits`, which quantizes its input to 8 bits,
 * row by row and block by block.
 */
export function blockFormat(scheme: QuantizationScheme): MatrixFormat {
  return {
    name: `q${scheme.bits}-${scheme.blockSize}`,
    // It takes rows in pairs, and an odd last one with another kernel, which rounds differently.
    rowMultiple: { linear: 2, head: 2 },
    plan: ({ config, weights }) => {
      const head = headWeight(config);
      return [...weights]
        .filter(([name]) => name === head || /^(h|ln_f)\./.test(name)) // The embeddings are read from the checkpoint.
        .map(([name, source]) => {
          if (source.shape.length === 1) return planUnchanged(name, source);
          return name === head ? planHead(name, source, scheme) : planLinear(name, source, scheme);
        });
    },
    attention: async () => (scheme.bits === 4 ? smallAttention() : F32_ATTENTION),
    products: (model) => {
      const { graph, config } = model;
      const linear = (name: string, input: Value) => {
        const size = linearSize(config, name);
        return multiply(model, scheme, { ...size, input, name: `${name}.weight`, bias: `${name}.bias` });
      };
      return {
        linear,
        activated: (name, input) => activate(graph, config.activation, linear(name, input)),
        head: (input) => {
          const size = { inputs: config.hiddenSize, outputs: config.vocabSize };
          return multiply(model, scheme, { ...size, input, name: headWeight(config) });
        },
      };
    },
  };
}

/** A linear layer, stored [in, out], in blocks along its inputs. */
function planLinear(name: string, source: StoredTensor, scheme: QuantizationScheme): PlannedWeights {
  const [numInputs, numOutputs] = source.shape as [number, number];
  const layout = { numOutputs, numInputs, outputStride: 1, inputStride: numOutputs };
  return {
    sourceBytes: source.byteLength,
    tensors: blockTensors(name, layout, scheme),
    encode: () => {
      const { data, scales } = quantizeMatrix({ ...layout, values: readTensorValues(name, source) }, scheme);
      return [data, toBytes(scales)];
    },
  };
}

/**
 * The head, stored [out, in], in blocks along its inputs. It is much larger than any layer, so only some of its rows are
 * in memory at a time.
 */
function planHead(name: string, source: StoredTensor, scheme: QuantizationScheme): PlannedWeights {
  const [numOutputs, numInputs] = source.shape as [number, number];
  return {
    sourceBytes: source.byteLength,
    tensors: blockTensors(name, { numOutputs, numInputs }, scheme),
    encode: function* () {
      const allScales: Float32Array[] = [];
      for (let first = 0; first < numOutputs; first += HEAD_ROWS) {
        const part = tensorRows(source, first, Math.min(HEAD_ROWS, numOutputs - first));
        const layout = { numOutputs: part.shape[0]!, numInputs, outputStride: numInputs, inputStride: 1 };
        const { data, scales } = quantizeMatrix({ ...layout, values: readTensorValues(name, part) }, scheme);
        allScales.push(scales);
        yield data;
      }
      yield* allScales.map(toBytes);
    },
  };
}

function blockTensors(
  name: string,
  { numOutputs, numInputs }: { readonly numOutputs: number; readonly numInputs: number },
  { bits, blockSize }: QuantizationScheme,
): PlannedTensor[] {
  const numBlocks = Math.ceil(numInputs / blockSize);
  return [
    { name: name + DATA_SUFFIX, dtype: 'U8', shape: [numOutputs, numBlocks, (blockSize * bits) / 8] },
    { name: name + SCALES_SUFFIX, dtype: 'F32', shape: [numOutputs, numBlocks] },
  ];
}

interface Product {
  readonly input: Value;
  /** The matrix. */
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias?: string;
}

function multiply(
  { graph, weight }: ModelGraph,
  { bits, blockSize }: QuantizationScheme,
  { input, name, inputs, outputs, bias }: Product,
): Value {
  const addend = bias === undefined ? '' : weight(bias);
  const operands = [input, weight(name + DATA_SUFFIX), weight(name + SCALES_SUFFIX), '', '', addend];
  // Accuracy level 4: the input is quantized to 8 bits.
  const attributes = { K: inputs, N: outputs, bits, block_size: blockSize, accuracy_level: 4 };
  return graph.contrib('MatMulNBits', operands, attributes)[0]!;
}
