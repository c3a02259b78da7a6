import { type StoredTensor, tensorRows } from '../model/safetensors.js';
import { readTensorValues } from '../model/tensor-values.js';
import { blockTensors, multiplyBlocks } from './block-product.js';
import { type HeadFormat, headWeight } from './matrix-format.js';
import { type QuantizationScheme, quantizeMatrix } from './quantization.js';
import { type PlannedWeights, planUnchanged, toBytes } from './quantized-weights.js';

/** How much of the head is quantized at a time. */
const HEAD_ROWS = 4096;

/** A head in blocks that share a scale. */
export function blockHead(scheme: QuantizationScheme): HeadFormat {
  return {
    name: undefined,
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
