import { openCheckpoint } from '../../dist/engine/model/checkpoint.js';
import { buildGpt2Graph } from '../../dist/engine/model/gpt2-graph.js';
import { openQuantizedWeights } from '../../dist/engine/model/quantized-cache.js';
import { createSession } from '../../dist/engine/model/session.js';

/** A model's weights as the engine multiplies with them, and in which folder their file is. */
export function openWeights({ directory, cacheDirectory, precision }) {
  const checkpoint = openCheckpoint(directory);
  if (precision === 'f32') return { ...checkpoint, quantization: undefined, directory };
  const quantization = { bits: precision === 'q8' ? 8 : 4, blockSize: 128 };
  const weights = openQuantizedWeights(checkpoint, quantization, {
    directory: cacheDirectory,
    onProgress() {},
  });
  return { config: checkpoint.config, weights, quantization, directory: cacheDirectory };
}

/** Bytes of weights that one step reads: all but the position embeddings, of which it needs a row. */
export function weightBytes({ weights }) {
  let bytes = 0;
  for (const [name, { byteLength }] of weights) if (!name.startsWith('wpe.')) bytes += byteLength;
  return bytes;
}

/** The engine's graph in this thread, without scheduler and cache. */
export async function openModelSession({ numThreads, ...options }) {
  const { directory, ...weights } = openWeights(options);
  const session = await createSession(buildGpt2Graph(weights), { directory, numThreads });
  const rowMultiple = weights.quantization && 2;
  return { session, config: weights.config, rowMultiple };
}
