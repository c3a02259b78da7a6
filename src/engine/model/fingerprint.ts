import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { arch, cpus } from 'node:os';
import { env } from 'onnxruntime-node';
import type { Checkpoint } from './checkpoint.js';
import type { StoredTensor } from './safetensors.js';

const SAMPLE_BYTES = 4096;

/**
 * Names what the bits of a model's answers depend on: its shape and weights (by a sample of each tensor), how they are
 * computed, ONNX Runtime's version and the processor. The same request and seed give the same tokens and
 * probabilities wherever this is the same.
 *
 * @param computation everything else that decides which arithmetic is done, such as the precision
 */
export function fingerprintOf({ config, weights }: Checkpoint, computation: unknown): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([config, computation, env.versions, arch(), cpus()[0]?.model]));
  for (const [name, tensor] of weights) {
    hash.update(JSON.stringify([name, tensor.dtype, tensor.shape])).update(sampleOf(tensor));
  }
  return `fp_${hash.digest('hex').slice(0, 12)}`;
}

/** The middle of a tensor: padding and special tokens tend to be at the ends. */
function sampleOf({ file, byteOffset, byteLength }: StoredTensor): Uint8Array {
  const sample = new Uint8Array(Math.min(SAMPLE_BYTES, byteLength));
  const fd = openSync(file, 'r');
  try {
    readSync(fd, sample, 0, sample.length, byteOffset + Math.floor((byteLength - sample.length) / 2));
    return sample;
  } finally {
    closeSync(fd);
  }
}
