import { createHash, randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { EngineError } from '../engine-error.js';
import type { Checkpoint } from '../model/checkpoint.js';
import { readSafetensors, type StoredTensor } from '../model/safetensors.js';
import type { MatrixFormat } from './matrix-format.js';
import {
  CHECKSUM_PLACEHOLDER,
  type ProgressListener,
  toHex,
  writeQuantizedWeights,
} from './quantized-weights.js';

/** Where quantized weights are kept, and who is told of progress. */
export interface QuantizedCacheOptions {
  /** Made when it is missing. */
  readonly directory: string;
  /** Called while weights are quantized; not called when the cache holds them. */
  readonly onProgress: ProgressListener;
}

/** Counts up when what is written changes, so that an older file is not read. */
const FORMAT_VERSION = 4;
const READ_BYTES = 4 * 2 ** 20;
/** The checksum stands in the header's metadata, which come first. */
const CHECKSUM_SEARCH_BYTES = 4096;

/**
 * Opens a checkpoint's weights in a format: its own files, or a file in the cache, which is made first if it is missing or
 * damaged. It is written aside and renamed, so that a file in place is complete, and two processes that start at once
 * both succeed.
 *
 * @throws EngineError MODEL_LOAD_FAILED when the cache folder can't be written, or a weight is no finite number.
 */
export function openWeights(
  checkpoint: Checkpoint,
  { name, plan }: MatrixFormat,
  { directory, onProgress }: QuantizedCacheOptions,
): ReadonlyMap<string, StoredTensor> {
  if (plan === undefined) return checkpoint.weights;
  const path = join(directory, fileNameFor(checkpoint, name));
  if (!isIntact(path)) {
    const aside = `${path}.${randomUUID()}.part`;
    try {
      mkdirSync(directory, { recursive: true });
      writeQuantizedWeights(plan(checkpoint), { path: aside, onProgress });
      renameSync(aside, path);
    } catch (cause) {
      if (existsSync(aside)) rmSync(aside);
      if (cause instanceof EngineError) throw cause; // The checkpoint is to blame.
      const problem = `The quantized weights can't be kept in ${directory}: ${(cause as Error).message}`;
      throw new EngineError('MODEL_LOAD_FAILED', problem, { cause });
    }
  }
  return readSafetensors(path);
}

/** Names what the bytes depend on: the checkpoint's files as they are now, the format, and this code's version. */
function fileNameFor({ directory, weights }: Checkpoint, format: string): string {
  const sources = [...new Set([...weights.values()].map(({ file }) => file))].map((file) => {
    const { size, mtimeMs } = statSync(file);
    return [file, size, mtimeMs];
  });
  const identity = JSON.stringify([FORMAT_VERSION, format, sources, [...weights]]);
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  return `${basename(directory)}-${format}-${hash}.safetensors`;
}

/**
 * Tells whether a file is there and has the checksum that it carries. That finds damage; who may write to the cache could forge a
 * digest as well, and every start would take a tenth longer for it.
 */
function isIntact(path: string): boolean {
  if (!existsSync(path)) return false;
  const fd = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(READ_BYTES);
    const head = chunk.subarray(0, readSync(fd, chunk, 0, CHECKSUM_SEARCH_BYTES, 0));
    const match = /"crc32":"([0-9a-f]{8})"/.exec(head.toString('latin1'));
    if (match === null) return false;
    let checksum = 0;
    let position = 0;
    for (let count = -1; count !== 0; position += count) {
      count = readSync(fd, chunk, 0, chunk.length, position);
      if (position === 0) chunk.write(CHECKSUM_PLACEHOLDER, match.index + '"crc32":"'.length);
      checksum = crc32(chunk.subarray(0, count), checksum);
    }
    return toHex(checksum) === match[1];
  } finally {
    closeSync(fd);
  }
}
