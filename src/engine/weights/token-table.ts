import type { Checkpoint } from '../model/checkpoint.js';
import type { StoredTensor } from '../model/safetensors.js';
import { halfValues, readTensorValues } from '../model/tensor-values.js';
import type { QuantizationScheme } from './quantization.js';
import { DATA_SUFFIX, SCALES_SUFFIX } from './quantized-weights.js';

/** The embeddings of a vocabulary in a file, a row for each token. */
export interface TokenTable {
  /** The rows' bytes. */
  readonly rows: StoredTensor;
  /** Makes numbers, f32 [E], of a row's bytes. */
  readonly decode: (bytes: Uint8Array, tokenId: number, into: Float32Array) => void;
}

const EMBEDDING = 'wte.weight';

/** Embeddings as a checkpoint has them: f32, f16 or bf16 [vocabulary, E]. */
export function plainTable(weights: Checkpoint['weights']): TokenTable {
  const rows = weights.get(EMBEDDING)!;
  if (rows.dtype === 'F32') {
    return { rows, decode: (bytes, _, into) => new Uint8Array(into.buffer, into.byteOffset).set(bytes) };
  }
  const values = halfValues(rows.dtype);
  const decode = (bytes: Uint8Array, _: number, into: Float32Array) => {
    for (let i = 0; i < into.length; i++) into[i] = values[bytes[2 * i]! | (bytes[2 * i + 1]! << 8)]!;
  };
  return { rows, decode };
}

/** Embeddings in blocks of whole numbers around the middle of their range, as `MatMulNBits` takes them. */
export function blockTable(
  weights: Checkpoint['weights'],
  { bits, blockSize }: QuantizationScheme,
): TokenTable {
  const rows = weights.get(EMBEDDING + DATA_SUFFIX)!;
  const scales = readTensorValues(EMBEDDING, weights.get(EMBEDDING + SCALES_SUFFIX)!);
  const numBlocks = rows.shape[1]!;
  const [perByte, middle] = [8 / bits, 2 ** (bits - 1)];
  const decode = (bytes: Uint8Array, tokenId: number, into: Float32Array) => {
    for (let i = 0; i < into.length; i++) {
      const level = (bytes[Math.floor(i / perByte)]! >> (bits * (i % perByte))) & (2 ** bits - 1);
      into[i] = (level - middle) * scales[tokenId * numBlocks + Math.floor(i / blockSize)]!;
    }
  };
  return { rows, decode };
}
