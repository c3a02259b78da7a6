import { capacitiesFor } from '../../src/engine/kv-cache/slot-table.js';
import { openCheckpoint } from '../../src/engine/model/checkpoint.js';
import type { Gpt2Config } from '../../src/engine/model/gpt2-config.js';
import { buildGpt2Graph } from '../../src/engine/model/gpt2-graph.js';
import { ModelRunner } from '../../src/engine/model/model-runner.js';
import type { QuantizationScheme } from '../../src/engine/model/quantization.js';
import { openQuantizedWeights } from '../../src/engine/model/quantized-cache.js';
import { createSession } from '../../src/engine/model/session.js';
import { Sequence } from '../../src/engine/scheduling/sequence.js';
import { groupRequest } from './group-request.js';

export interface ModelUnderTest {
  readonly config: Gpt2Config;
  readonly runner: ModelRunner;
  readonly capacities: readonly number[];
}

/** How the matrices are held; quantized ones go to a folder of their own. */
export type Quantized = { readonly scheme: QuantizationScheme; readonly cacheDirectory: string };

/** Loads a checkpoint into this thread, without worker or scheduler. */
export async function loadModelUnderTest(directory: string, quantized?: Quantized): Promise<ModelUnderTest> {
  const checkpoint = openCheckpoint(directory);
  const { config } = checkpoint;
  const weights = quantized
    ? openQuantizedWeights(checkpoint, quantized.scheme, {
        directory: quantized.cacheDirectory,
        onProgress: () => {},
      })
    : checkpoint.weights;
  const graph = buildGpt2Graph({ config, weights, quantization: quantized?.scheme });
  const session = await createSession(graph, {
    directory: quantized?.cacheDirectory ?? directory,
    numThreads: 1,
  });
  const capacities = capacitiesFor(config.contextLength);
  const kvLimits = { maxSequences: 32, maxPositions: 32 * capacities.at(-1)! };
  const rowMultiple = quantized && 2;
  return {
    config,
    capacities,
    runner: new ModelRunner({ session, config, capacities, kvLimits, rowMultiple }),
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
      moves: [],
    };
    const output = await runner.run(
      batch,
      Array.from({ length: numNewTokens }, (_, row) => row),
    );
    // A quantized graph pads its rows.
    logits.set(output.logits.subarray(0, numNewTokens * config.vocabSize), start * config.vocabSize);
    sequence.numComputedTokens += numNewTokens;
  }
  return logits;
}
