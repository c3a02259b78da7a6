import type { StoredTensor } from '../model/safetensors.js';
import { blockName, blockTensors, multiplyBlocks } from './block-product.js';
import { readHead } from './head-parts.js';
import { type HeadFormat, headWeight } from './matrix-format.js';
import { type QuantizationScheme, quantizeMatrix } from './quantization.js';
import { type PlannedWeights, planUnchanged, toBytes } from './quantized-weights.js';

/** A head in blocks that share a scale. */
export function blockHead(scheme: QuantizationScheme): HeadFormat {
  return {
    name: blockName(scheme),
    plan: ({ config, weights }) => {
      const norm = ['ln_f.weight', 'ln_f.bias'].map((name) => planUnchanged(name, weights.get(name)!));
      const name = headWeight(config);
      return [...norm, planHead(name, weights.get(name)!, scheme)];
    },
    product: (model, input) => {
      const { hiddenSize, vocabSize } = model.config;
      const name = headWeight(model.config);
      return multiplyBlocks(model, scheme, { name, input, inputs: hiddenSize, outputs: vocabSize });
    },
  };
}

/** The head, stored [out, in], in blocks along its inputs. */
function planHead(name: string, source: StoredTensor, scheme: QuantizationScheme): PlannedWeights {
  const [numOutputs, numInputs] = source.shape as [number, number];
  return {
    sourceBytes: source.byteLength,
    tensors: blockTensors(name, { numOutputs, numInputs }, scheme),
    encode: function* () {
      const allScales: Float32Array[] = [];
      for (const part of readHead(name, source)) {
        const layout = { numOutputs: part.numTokens, numInputs, outputStride: numInputs, inputStride: 1 };
        const { data, scales } = quantizeMatrix({ ...layout, values: part.values }, scheme);
        allScales.push(scales);
        yield data;
      }
      yield* allScales.map(toBytes);
    },
  };
}
