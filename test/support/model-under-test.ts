import { capacitiesFor } from '../../src/engine/kv-cache/slot-table.js';
import { openCheckpoint } from '../../src/engine/model/checkpoint.js';
import type { Gpt2Config } from '../../src/engine/model/gpt2-config.js';
import { buildGpt2Graph } from '../../src/engine/model/gpt2-graph.js';
import { InputEmbeddings } from '../../src/engine/model/input-embeddings.js';
import { ModelRunner } from '../../src/engine/model/model-runner.js';
import { createSession } from '../../src/engine/model/session.js';
import { Sequence } from '../../src/engine/scheduling/sequence.js';
import { F32_FORMAT } from '../../src/engine/weights/f32-format.js';
import { type MatrixFormat, rowPadding } from '../../src/engine/weights/matrix-format.js';
import { openWeights } from '../../src/engine/weights/quantized-cache.js';
import { groupRequest } from './group-request.js';

export interface ModelUnderTest {
  readonly config: Gpt2Config;
  readonly runner: ModelRunner;
  readonly capacities: readonly number[];
}

/** Loads a checkpoint into this thread, without worker or scheduler; quantized weights go to a folder of their own. */
export async function loadModelUnderTest(
  directory: string,
  format: MatrixFormat = F32_FORMAT,
  cacheDirectory = '',
): Promise<ModelUnderTest> {
  const checkpoint = openCheckpoint(directory);
  const { config } = checkpoint;
  const weights = openWeights(checkpoint, format, { directory: cacheDirectory, onProgress: () => {} });
  const attention = await format.attention();
  const graph = buildGpt2Graph({ config, format, attention, weights });
  const session = await createSession(graph, { weights, numThreads: 1, format });
  const embeddings = new InputEmbeddings(checkpoint.weights);
  const capacities = capacitiesFor(config.contextLength);
  const maxPositions = 32 * capacities.at(-1)!;
  const padding = rowPadding(format, true);
  return {
    config,
    capacities,
    runner: new ModelRunner({ session, config, embeddings, attention, capacities, maxPositions, padding }),
  };
}

/**
 * Computes the logits of every token, the sequence cut into pieces of the given lengths (the last one repeats), all in
 * one slot of the largest class: f32 [ids.length, vocabulary].
 */
export async function logitsInPieces(model: ModelUnderTest, ids: Int32Array, pieces: readonly number[]) {
  const { config, capacities, runner } = model;
  const sequence = new Sequence(groupRequest({ prompts: [ids] }), 0, { arrivedAtMs: 0, lookup: false });
  const classIndex = capacities.length - 1;
  const logits = new Float32Array(ids.length * config.vocabSize);
  for (let piece = 0; sequence.numComputedTokens < ids.length; piece++) {
    const start = sequence.numComputedTokens;
    const numNewTokens = Math.min(pieces[Math.min(piece, pieces.length - 1)]!, ids.length - start);
    const batch = {
      sequences: [sequence],
      firstSlot: { classIndex, index: 3 },
      capacity: capacities[classIndex]!,
      numNewTokens,
    };
    const output = await runner.run(
      { batches: [batch], moves: [] },
      Array.from({ length: numNewTokens }, (_, row) => row),
    );
    // A quantized graph pads its rows.
    logits.set(output.logits.subarray(0, numNewTokens * config.vocabSize), start * config.vocabSize);
    sequence.numComputedTokens += numNewTokens;
  }
  return logits;
}
