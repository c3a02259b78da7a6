import { createHash, randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EngineError } from '../engine-error.js';
import type { Checkpoint } from './checkpoint.js';
import type { QuantizationScheme } from './quantization.js';
import { DIGEST_PLACEHOLDER, type ProgressListener, writeQuantizedWeights } from './quantized-weights.js';
import { readSafetensors, type StoredTensor } from './safetensors.js';

/** Where quantized weights are kept, and who is told of progress. */
export interface QuantizedCacheOptions {
  /** Made when it is missing. */
  readonly directory: string;
  /** Called while weights are quantized; not called when the cache holds them. */
  readonly onProgress: ProgressListener;
}

/** Counts up when what is written changes, so that an older file is not read. */
const FORMAT_VERSION = 1;
const READ_BYTES = 4 * 2 ** 20;
/** The digest stands in the header's metadata, which come first. */
const DIGEST_SEARCH_BYTES = 4096;

/**
 * Opens a checkpoint's quantized weights, making them first if the cache lacks them or holds them damaged. They are
 * written aside and renamed, so that a file in place is complete, and two processes that start at once both succeed.
 *
 * @throws EngineError MODEL_LOAD_FAILED when the cache folder can't be written.
 */
export function openQuantizedWeights(
  checkpoint: Checkpoint,
  scheme: QuantizationScheme,
  { directory, onProgress }: QuantizedCacheOptions,
): ReadonlyMap<string, StoredTensor> {
  const path = join(directory, fileNameFor(checkpoint, scheme));
  if (!isIntact(path)) {
    const aside = `${path}.${randomUUID()}.part`;
    try {
      mkdirSync(directory, { recursive: true });
      writeQuantizedWeights(checkpoint, scheme, { path: aside, onProgress });
      renameSync(aside, path);
    } catch (cause) {
      if (existsSync(aside)) rmSync(aside);
      const problem = (cause as Error).message;
      throw new EngineError(
        'MODEL_LOAD_FAILED',
        `The quantized weights can't be kept in ${directory}: ${problem}`,
        {
          cause,
        },
      );
    }
  }
  return readSafetensors(path);
}

/** Names what the bytes depend on: the checkpoint's files as they are now, the scheme, and this code's version. */
function fileNameFor({ directory, weights }: Checkpoint, { bits, blockSize }: QuantizationScheme): string {
  const sources = [...new Set([...weights.values()].map(({ file }) => file))].map((file) => {
    const { size, mtimeMs } = statSync(file);
    return [file, size, mtimeMs];
  });
  const identity = JSON.stringify([FORMAT_VERSION, bits, blockSize, sources, [...weights]]);
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  return `${basename(directory)}-q${bits}-${hash}.safetensors`;
}

/** Tells whether a file is there and hashes to the digest that it carries. */
function isIntact(path: string): boolean {
  if (!existsSync(path)) return false;
  const fd = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(READ_BYTES);
    const head = chunk.subarray(0, readSync(fd, chunk, 0, DIGEST_SEARCH_BYTES, 0));
    const match = /"sha256":"([0-9a-f]{64})"/.exec(head.toString('latin1'));
    if (match === null) return false;
    const digest = createHash('sha256');
    let position = 0;
    for (let count = -1; count !== 0; position += count) {
      count = readSync(fd, chunk, 0, chunk.length, position);
      if (position === 0) chunk.write(DIGEST_PLACEHOLDER, match.index + '"sha256":"'.length);
      digest.update(chunk.subarray(0, count));
    }
    return digest.digest('hex') === match[1];
  } finally {
    closeSync(fd);
  }
}
