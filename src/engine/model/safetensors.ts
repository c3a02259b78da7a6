import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { basename, dirname, sep } from 'node:path';
import { z } from 'zod';
import { EngineError } from '../engine-error.js';

/** A tensor in a safetensors file: where its bytes are, little-endian, in row-major order. */
export interface StoredTensor {
  /** Where the file really is: ONNX Runtime follows no link out of the folder that it is given. */
  readonly file: string;
  /** As the file says it; weights must be a {@link WeightType}, mask buffers may be anything. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

const MAX_HEADER_BYTES = 100_000_000;
const COMPARED_BYTES = 4 * 2 ** 20;
const BYTES_PER_ELEMENT: Record<string, number> = {
  ...{ F64: 8, I64: 8, U64: 8, F32: 4, I32: 4, U32: 4, F16: 2, BF16: 2, I16: 2, U16: 2 },
  ...{ I8: 1, U8: 1, BOOL: 1, F8_E4M3: 1, F8_E5M2: 1 },
};

const natural = z.int().nonnegative();
const headerSchema = z.record(
  z.string(),
  z.object({ dtype: z.string(), shape: z.array(natural), data_offsets: z.tuple([natural, natural]) }),
);

/**
 * Reads the header of a safetensors file, the tensors by name. The data stays on disk.
 * Format: a u64 header length, a JSON header, the data (github.com/huggingface/safetensors, "Format").
 *
 * @throws EngineError MODEL_LOAD_FAILED saying what is wrong with the file or with which tensor.
 */
export function readSafetensors(path: string): Map<string, StoredTensor> {
  const file = basename(path);
  const place = realpathSync(path);
  const fd = openSync(path, 'r');
  try {
    const fileBytes = fstatSync(fd).size;
    const { header, dataStart } = readHeader(fd, fileBytes, file);
    const tensors = new Map<string, StoredTensor>();
    for (const [
      name,
      {
        dtype,
        shape,
        data_offsets: [begin, end],
      },
    ] of Object.entries(header)) {
      const width = BYTES_PER_ELEMENT[dtype];
      if (width === undefined) throw refuse(file, `tensor "${name}" has the unknown type ${dtype}.`);
      const expected = shape.reduce((product, dim) => product * dim, width);
      if (end - begin !== expected) {
        throw refuse(
          file,
          `tensor "${name}" has ${end - begin} bytes; ${dtype} [${shape}] takes ${expected}.`,
        );
      }
      if (dataStart + end > fileBytes) {
        const missing = dataStart + end - fileBytes;
        throw refuse(file, `truncated: tensor "${name}" ends ${missing} bytes after the end of the file.`);
      }
      tensors.set(name, {
        file: place,
        dtype,
        shape,
        byteOffset: dataStart + begin,
        byteLength: end - begin,
      });
    }
    return tensors;
  } finally {
    closeSync(fd);
  }
}

/** The innermost folder that holds the files of all tensors. */
export function folderOf(tensors: Iterable<StoredTensor>): string {
  const files = [...new Set([...tensors].map(({ file }) => file))];
  let folder = dirname(files[0] ?? sep);
  while (!files.every((file) => file.startsWith(folder.endsWith(sep) ? folder : folder + sep)))
    folder = dirname(folder);
  return folder;
}

/** Tells whether a tensor's numbers have 16 bits. */
export function isHalfPrecision({ dtype }: StoredTensor): boolean {
  return dtype === 'F16' || dtype === 'BF16';
}

/** Tells whether two tensors are the same in type, shape and every bit. Reads all of both where they are. */
export function haveSameBytes(a: StoredTensor, b: StoredTensor): boolean {
  if (a.dtype !== b.dtype || String(a.shape) !== String(b.shape)) return false;
  for (let done = 0; done < a.byteLength; done += COMPARED_BYTES) {
    const byteLength = Math.min(COMPARED_BYTES, a.byteLength - done);
    const [part, other] = [a, b].map((tensor) =>
      readTensorBytes({ ...tensor, byteOffset: tensor.byteOffset + done, byteLength }),
    );
    if (Buffer.compare(part!, other!) !== 0) return false;
  }
  return true;
}

/** A matrix's rows from `first` on, as a tensor of its own. */
export function tensorRows(tensor: StoredTensor, first: number, count: number): StoredTensor {
  const [rows = 1, ...rest] = tensor.shape;
  const rowBytes = tensor.byteLength / rows;
  return {
    ...tensor,
    shape: [count, ...rest],
    byteOffset: tensor.byteOffset + first * rowBytes,
    byteLength: count * rowBytes,
  };
}

/** Reads a tensor's bytes. */
export function readTensorBytes(tensor: StoredTensor): Uint8Array {
  const bytes = new Uint8Array(tensor.byteLength);
  const fd = openSync(tensor.file, 'r');
  try {
    let done = 0;
    while (done < bytes.length) {
      const count = readSync(fd, bytes, done, bytes.length - done, tensor.byteOffset + done);
      if (count === 0) throw refuse(basename(tensor.file), 'ended while it was being read.');
      done += count;
    }
    return bytes;
  } finally {
    closeSync(fd);
  }
}

function readHeader(fd: number, fileBytes: number, file: string) {
  const prefix = Buffer.alloc(8);
  const complete = readSync(fd, prefix, 0, 8, 0) === 8;
  const headerBytes = complete ? Number(prefix.readBigUInt64LE()) : 0;
  if (!complete || headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > fileBytes) {
    throw refuse(file, 'not a safetensors file, or cut off within its header.');
  }
  const text = Buffer.alloc(headerBytes);
  readSync(fd, text, 0, headerBytes, 8);
  return { header: parseHeader(text.toString('utf8'), file), dataStart: 8 + headerBytes };
}

function parseHeader(text: string, file: string) {
  try {
    const { __metadata__: _, ...tensors } = JSON.parse(text) as Record<string, unknown>;
    return headerSchema.parse(tensors);
  } catch (cause) {
    throw refuse(file, 'its header is not a safetensors header.', cause);
  }
}

function refuse(file: string, problem: string, cause?: unknown): EngineError {
  return new EngineError('MODEL_LOAD_FAILED', `${file}: ${problem}`, { cause });
}
