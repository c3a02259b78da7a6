import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Checkpoint } from './checkpoint.js';
import { type QuantizationScheme, quantizeMatrix, type StridedMatrix } from './quantization.js';
import type { StoredTensor } from './safetensors.js';
import { readTensorValues } from './tensor-values.js';

/** The two tensors that a quantized weight `name` becomes. */
export const DATA_SUFFIX = '.data';
export const SCALES_SUFFIX = '.scales';
/** Stands in the header until the digest of the whole file is known. */
export const DIGEST_PLACEHOLDER = '0'.repeat(64);

/** Told after each tensor: what share of the weights is done, in [0, 1]. */
export type ProgressListener = (share: number) => void;

interface PlannedTensor {
  readonly name: string;
  readonly dtype: 'U8' | 'F32';
  readonly shape: readonly number[];
}

/** Where a weight comes from and what becomes of it. */
interface PlannedWeight {
  readonly source: StoredTensor;
  /** A matrix that is multiplied with; undefined for what stays f32. */
  readonly matrix: Omit<StridedMatrix, 'values'> | undefined;
  readonly tensors: readonly PlannedTensor[];
}

/**
 * Writes a checkpoint's weights as one safetensors file, its matrices quantized and everything else in f32, one
 * weight in memory at a time. The header's metadata hold `sha256`, the digest of the file with
 * {@link DIGEST_PLACEHOLDER} in its place.
 */
export function writeQuantizedWeights(
  checkpoint: Checkpoint,
  scheme: QuantizationScheme,
  { path, onProgress }: { readonly path: string; readonly onProgress: ProgressListener },
): void {
  const plan = planWeights(checkpoint, scheme);
  const { bytes: header, digestOffset } = layoutHeader(plan.flatMap(({ tensors }) => tensors));
  const digest = createHash('sha256').update(header);
  const fd = openSync(path, 'wx');
  try {
    writeSync(fd, header);
    let numDone = 0;
    for (const { source, matrix } of plan) {
      for (const part of encodeWeight(source, matrix, scheme)) {
        digest.update(part);
        writeAll(fd, part);
      }
      numDone += source.byteLength;
      onProgress(numDone / totalBytes(plan));
    }
    writeSync(fd, Buffer.from(digest.digest('hex')), 0, 64, digestOffset);
  } finally {
    closeSync(fd);
  }
}

function planWeights({ config, weights }: Checkpoint, scheme: QuantizationScheme): PlannedWeight[] {
  return [...weights].map(([name, source]): PlannedWeight => {
    const isTable = name === 'wte.weight' || name === 'lm_head.weight';
    const isLinear = source.shape.length === 2 && name !== 'wpe.weight' && !isTable;
    if (!isTable && !isLinear)
      return { source, matrix: undefined, tensors: [{ name, dtype: 'F32', shape: source.shape }] };
    const [rows, columns] = source.shape as [number, number];
    // Linear layers are stored [in, out]; the embedding and the head [out, in].
    const matrix = isTable
      ? { numOutputs: rows, numInputs: columns, outputStride: config.hiddenSize, inputStride: 1 }
      : { numOutputs: columns, numInputs: rows, outputStride: 1, inputStride: columns };
    const numBlocks = Math.ceil(matrix.numInputs / scheme.blockSize);
    const blockBytes = (scheme.blockSize * scheme.bits) / 8;
    return {
      source,
      matrix,
      tensors: [
        { name: name + DATA_SUFFIX, dtype: 'U8', shape: [matrix.numOutputs, numBlocks, blockBytes] },
        { name: name + SCALES_SUFFIX, dtype: 'F32', shape: [matrix.numOutputs, numBlocks] },
      ],
    };
  });
}

function encodeWeight(
  source: StoredTensor,
  matrix: PlannedWeight['matrix'],
  scheme: QuantizationScheme,
): Uint8Array[] {
  const values = readTensorValues(source);
  if (matrix === undefined) return [toBytes(values)];
  const { data, scales } = quantizeMatrix({ ...matrix, values }, scheme);
  return [data, toBytes(scales)];
}

function layoutHeader(tensors: readonly PlannedTensor[]) {
  let offset = 0;
  const entries: Record<string, unknown> = { __metadata__: { sha256: DIGEST_PLACEHOLDER } };
  for (const { name, dtype, shape } of tensors) {
    const end = offset + shape.reduce((product, dim) => product * dim, dtype === 'U8' ? 1 : 4);
    entries[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = JSON.stringify(entries);
  const text = json.padEnd(Math.ceil(json.length / 64) * 64);
  const bytes = Buffer.alloc(8 + text.length);
  bytes.writeBigUInt64LE(BigInt(text.length));
  bytes.write(text, 8);
  return { bytes, digestOffset: 8 + text.indexOf(DIGEST_PLACEHOLDER) };
}

function totalBytes(plan: readonly PlannedWeight[]): number {
  return plan.reduce((sum, { source }) => sum + source.byteLength, 0);
}

function toBytes({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
}
