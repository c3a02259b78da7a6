import { F32_ATTENTION } from '../attention/f32-attention.js';
import { smallAttention } from '../attention/small-attention.js';
import { activate } from '../model/activation.js';
import type { Value } from '../model/graph-builder.js';
import type { StoredTensor } from '../model/safetensors.js';
import { readTensorValues } from '../model/tensor-values.js';
import { blockHead } from './block-head.js';
import { blockName, blockTensors, multiplyBlocks } from './block-product.js';
import { linearSize, type MatrixFormat } from './matrix-format.js';
import { type QuantizationScheme, quantizeMatrix } from './quantization.js';
import { type PlannedWeights, planUnchanged, toBytes } from './quantized-weights.js';

/**
 * Weights of 8 or 4 bits in blocks that share a scale, multiplied by `MatMulNBits`, which quantizes its input to 8 bits,
 * row by row and block by block.
 *
 * @param head what the head is; default the same
 */
export function blockFormat(scheme: QuantizationScheme, head = blockHead(scheme)): MatrixFormat {
  const name = blockName(scheme);
  return {
    name: head.name === name ? name : `${name}-${head.name}`,
    // It takes rows in pairs, and an odd last one with another kernel, which rounds differently.
    rowMultiple: 2,
    plan: (checkpoint) => [
      ...[...checkpoint.weights]
        .filter(([name]) => name.startsWith('h.')) // The embeddings are read from the checkpoint.
        .map(([name, source]) =>
          source.shape.length === 1 ? planUnchanged(name, source) : planLinear(name, source, scheme),
        ),
      ...head.plan(checkpoint),
    ],
    sessionSettings: head.sessionSettings,
    attention: async () => (scheme.bits === 4 ? smallAttention() : F32_ATTENTION),
    products: (model) => {
      const { graph, config } = model;
      const linear = (name: string, input: Value) => {
        const size = linearSize(config, name);
        return multiplyBlocks(model, scheme, {
          ...size,
          input,
          name: `${name}.weight`,
          bias: `${name}.bias`,
        });
      };
      return {
        linear,
        activated: (name, input) => activate(graph, config.activation, linear(name, input)),
        head: (hidden, rows) => head.product(model, hidden, rows),
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
