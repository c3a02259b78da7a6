import { openCheckpoint } from '../../dist/engine/model/checkpoint.js';
import { buildGpt2Graph } from '../../dist/engine/model/gpt2-graph.js';
import { InputEmbeddings } from '../../dist/engine/model/input-embeddings.js';
import { createSession } from '../../dist/engine/model/session.js';
import '../../dist/engine/no-telemetry.js';
import { rowPadding } from '../../dist/engine/weights/matrix-format.js';
import { MATRIX_FORMATS } from '../../dist/engine/weights/matrix-formats.js';
import * as cache from '../../dist/engine/weights/quantized-cache.js';

/** A model's weights as the engine multiplies with them, and those of the checkpoint. */
export function openWeights({ directory, cacheDirectory, precision, format = MATRIX_FORMATS[precision] }) {
  const checkpoint = openCheckpoint(directory);
  const { config, weights: stored } = checkpoint;
  const weights = cache.openWeights(checkpoint, format, { directory: cacheDirectory, onProgress() {} });
  return { config, stored, format, weights };
}

/** Bytes of weights that one step reads: all but the position embeddings, of which it needs a row. */
export function weightBytes({ weights }) {
  let bytes = 0;
  for (const [name, { byteLength }] of weights) if (!name.startsWith('wpe.')) bytes += byteLength;
  return bytes;
}

/** The engine's graph in this thread, without scheduler and cache. */
export async function openModelSession(options) {
  const { config, stored, format, weights } = openWeights(options);
  const attention = await format.attention();
  const graph = buildGpt2Graph({ config, format, attention, weights });
  const session = await createSession(graph, { weights, numThreads: options.numThreads, format });
  const embeddings = new InputEmbeddings(stored);
  return { session, config, embeddings, attention, padding: rowPadding(format, true) };
}
