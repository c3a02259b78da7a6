// Weights in blocks that share a scale: what the layers and the head of block-format.ts have in common.
import type { Value } from '../model/graph-builder.js';
import type { ModelGraph } from './matrix-format.js';
import type { QuantizationScheme } from './quantization.js';
import { DATA_SUFFIX, type PlannedTensor, SCALES_SUFFIX } from './quantized-weights.js';

/** Names a scheme, for files of weights and for fingerprints. */
export function blockName({ bits, blockSize }: QuantizationScheme): string {
  return `q${bits}-${blockSize}`;
}

/** What a product multiplies. */
export interface BlockProduct {
  readonly input: Value;
  /** The matrix, by the checkpoint's name. */
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias?: string;
}

/** The tensors of a matrix with blocks along its inputs. */
export function blockTensors(
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

/** f32 [n, inputs] -> [n, outputs]: `MatMulNBits` quantizes its input to 8 bits, row by row and block by block. */
export function multiplyBlocks(
  { graph, weight }: ModelGraph,
  { bits, blockSize }: QuantizationScheme,
  { input, name, inputs, outputs, bias }: BlockProduct,
): Value {
  const addend = bias === undefined ? '' : weight(bias);
  const operands = [input, weight(name + DATA_SUFFIX), weight(name + SCALES_SUFFIX), '', '', addend];
  // Accuracy level 4: the input is quantized to 8 bits.
  const attributes = { K: inputs, N: outputs, bits, block_size: blockSize, accuracy_level: 4 };
  return graph.contrib('MatMulNBits', operands, attributes)[0]!;
}
