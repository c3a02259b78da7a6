import { closeSync, openSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { StoredTensor } from '../model/safetensors.js';
import { readTensorValues } from '../model/tensor-values.js';

/** Stands in the header until the checksum of the whole file is known. */
export const CHECKSUM_PLACEHOLDER = '0'.repeat(8);

/** The two tensors that a matrix `name` becomes: whole numbers, and the scales f32 by which they are multiplied. */
export const DATA_SUFFIX = '.data';
export const SCALES_SUFFIX = '.scales';

/** Told after each part: what share of the weights is done, in [0, 1]. */
export type ProgressListener = (share: number) => void;

/** A tensor of the file. */
export interface PlannedTensor {
  readonly name: string;
  readonly dtype: 'U8' | 'I8' | 'F32';
  readonly shape: readonly number[];
}

/** Tensors that are made together. */
export interface PlannedWeights {
  /** How large what they are made from is. */
  readonly sourceBytes: number;
  readonly tensors: readonly PlannedTensor[];
  /** Reads what they are made from and makes them: their bytes, in order, in pieces of any size. */
  readonly encode: () => Iterable<Uint8Array>;
}

/** A weight that stays f32, or is widened to it. */
export function planUnchanged(name: string, source: StoredTensor): PlannedWeights {
  return {
    sourceBytes: source.byteLength,
    tensors: [{ name, dtype: 'F32', shape: source.shape }],
    encode: () => [toBytes(readTensorValues(name, source))],
  };
}

/**
 * Writes weights as one safetensors file, one piece in memory at a time. The header's metadata hold `crc32`,
 * the checksum of the file with {@link CHECKSUM_PLACEHOLDER} in its place.
 */
export function writeQuantizedWeights(
  plan: readonly PlannedWeights[],
  { path, onProgress }: { readonly path: string; readonly onProgress: ProgressListener },
): void {
  const { bytes: header, checksumOffset } = layoutHeader(plan.flatMap(({ tensors }) => tensors));
  const totalBytes = plan.reduce((sum, { sourceBytes }) => sum + sourceBytes, 0);
  let checksum = crc32(header);
  const fd = openSync(path, 'wx');
  try {
    writeSync(fd, header);
    let numDone = 0;
    for (const { sourceBytes, encode } of plan) {
      for (const part of encode()) {
        checksum = crc32(part, checksum);
        writeAll(fd, part);
      }
      numDone += sourceBytes;
      onProgress(numDone / totalBytes);
    }
    writeSync(fd, toHex(checksum), checksumOffset);
  } finally {
    closeSync(fd);
  }
}

/** A checksum as the header has it. */
export function toHex(checksum: number): string {
  return checksum.toString(16).padStart(CHECKSUM_PLACEHOLDER.length, '0');
}

/** The bytes of numbers, as the file has them. */
export function toBytes({ buffer, byteOffset, byteLength }: Float32Array | Int8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function layoutHeader(tensors: readonly PlannedTensor[]) {
  let offset = 0;
  const entries: Record<string, unknown> = { __metadata__: { crc32: CHECKSUM_PLACEHOLDER } };
  for (const { name, dtype, shape } of tensors) {
    const end = offset + shape.reduce((product, dim) => product * dim, dtype === 'F32' ? 4 : 1);
    entries[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = JSON.stringify(entries);
  const text = json.padEnd(Math.ceil(json.length / 64) * 64);
  const bytes = Buffer.alloc(8 + text.length);
  bytes.writeBigUInt64LE(BigInt(text.length));
  bytes.write(text, 8);
  return { bytes, checksumOffset: 8 + text.indexOf(CHECKSUM_PLACEHOLDER) };
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
}
