import type { AttentionFormat } from '../attention/attention-format.js';
import { now } from '../clock.js';
import { EngineCore } from '../core/engine-core.js';
import type { ModelShape, Precision } from '../engine.js';
import { EngineError } from '../engine-error.js';
import { CHUNK_SIZES } from '../kv-cache/chunk-sizes.js';
import { bytesPerPosition } from '../kv-cache/kv-part.js';
import { capacitiesFor } from '../kv-cache/slot-table.js';
import { MAX_BATCHES } from '../model/batch-inputs.js';
import { type Checkpoint, openCheckpoint } from '../model/checkpoint.js';
import { fingerprintOf } from '../model/fingerprint.js';
import { kvShapeOf } from '../model/gpt2-config.js';
import { buildGpt2Graph, GRAPH_VERSION, type GraphWeights } from '../model/gpt2-graph.js';
import { InputEmbeddings } from '../model/input-embeddings.js';
import { ModelRunner } from '../model/model-runner.js';
import { createSession } from '../model/session.js';
import { checkVocabulary } from '../model/vocabulary.js';
import { SAMPLER_VERSION } from '../sampling/sampler.js';
import { DEFAULT_SAMPLING } from '../sampling/sampling-params.js';
import type { SchedulerOptions } from '../scheduling/scheduler.js';
import { type MatrixFormat, type RowPadding, rowPadding } from '../weights/matrix-format.js';
import { MATRIX_FORMATS } from '../weights/matrix-formats.js';
import { openWeights } from '../weights/quantized-cache.js';
import type { ProgressListener } from '../weights/quantized-weights.js';
import type { WorkerOptions } from './messages.js';

/** A model in memory, ready to step. */
export interface LoadedModel {
  readonly core: EngineCore;
  readonly shape: ModelShape;
  /** Bytes of KV cache for one position of one sequence. */
  readonly bytesPerPosition: number;
  /** The KV cache's budget in positions. */
  readonly maxCachedPositions: number;
  /** Frees the session. */
  release(): Promise<void>;
}

/** Sequences that prefill side by side: a short prompt waits for as many chunks at most. */
const MAX_PREFILLING = 4;
/** What one more batch costs a layer's attention: bytes of weights that are read in the same time. By trial under `mixed`. */
const BATCH_COST = 6_000_000;

/**
 * Loads a checkpoint and runs it once, so that the first request finds everything in place.
 *
 * @throws EngineError MODEL_LOAD_FAILED in one line: what is wrong with which file, tensor or setting.
 */
export async function loadModel(options: WorkerOptions, onProgress: ProgressListener): Promise<LoadedModel> {
  const checkpoint = openCheckpoint(options.directory);
  const { config } = checkpoint;
  checkVocabulary(checkpoint);
  const capacities = capacitiesFor(config.contextLength);
  const { precision, numThreads, deterministic } = options;
  const format = MATRIX_FORMATS[precision];
  const attention = await format.attention();
  const kvShape = kvShapeOf(config);
  const positionBytes = bytesPerPosition(attention.parts(kvShape), kvShape);
  const maxCachedPositions = Math.floor(options.kvCacheBytes / positionBytes);
  checkBudget(options.kvCacheBytes, Math.max(...capacities) * positionBytes);

  const weights = openWeights(checkpoint, format, { directory: options.cacheDirectory, onProgress });
  const graph = buildGpt2Graph({ config, format, attention, weights });
  const embeddings = new InputEmbeddings(checkpoint.weights);
  const session = await createSession(graph, { weights, numThreads, format });
  // At 4 bits a row of padding costs a fifth of a lone stream's speed.
  const padding = rowPadding(format, deterministic || precision !== 'q4');
  const runner = new ModelRunner({
    ...{ session, config, embeddings, attention, capacities, padding },
    maxPositions: maxCachedPositions,
  });
  const scheduler: SchedulerOptions = {
    capacities,
    maxRunning: options.maxRunning,
    maxPrefilling: MAX_PREFILLING,
    chunkSizes: CHUNK_SIZES,
    maxCachedPositions,
    maxBatches: MAX_BATCHES,
    stepCost: weightBytes(checkpoint, weights) / attention.positionCost(kvShape),
    batchCost: (kvShape.numLayers * BATCH_COST) / attention.positionCost(kvShape),
  };
  const { vocabSize, endOfTextId } = config;
  const { lookup } = options;
  const core = new EngineCore({
    runner,
    vocabSize,
    endOfTextId,
    scheduler,
    lookup,
    now,
  });
  await warmUp(core);
  return {
    core,
    shape: shapeOf(
      checkpoint,
      precision,
      fingerprintOf(checkpoint, computationOf(options, { format, attention, padding })),
    ),
    bytesPerPosition: positionBytes,
    maxCachedPositions,
    release: () => runner.release(),
  };
}

/** What a step reads, however few rows it has. Half precision is widened in memory. */
function weightBytes({ numParameters, weights }: Checkpoint, used: GraphWeights['weights']): number {
  if (used === weights) return numParameters * Float32Array.BYTES_PER_ELEMENT;
  return [...used.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Generates two tokens: kernels are chosen, memory is mapped, and a model that computes NaN is found out. */
async function warmUp(core: EngineCore): Promise<void> {
  const sampling = { ...DEFAULT_SAMPLING, temperature: 0 };
  const prompts = [Int32Array.of(0, 0)];
  core.add({ id: 0, tenant: '', prompts, numCandidates: 1, maxTokens: 2, sampling, logprobs: undefined });
  try {
    while (core.hasWork) await core.step();
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('MODEL_LOAD_FAILED', `The model's first step failed: ${problem}`, { cause });
  }
}

function checkBudget(kvCacheBytes: number, longestSequenceBytes: number): void {
  if (kvCacheBytes >= longestSequenceBytes) return;
  throw new EngineError(
    'MODEL_LOAD_FAILED',
    `The KV cache's budget of ${kvCacheBytes} bytes is less than one sequence of full length takes: ` +
      `${longestSequenceBytes}. Give it more.`,
    { metadata: { kvCacheBytes: String(kvCacheBytes), minimumBytes: String(longestSequenceBytes) } },
  );
}

/** How a graph computes. */
interface Arithmetic {
  readonly format: MatrixFormat;
  readonly attention: AttentionFormat;
  readonly padding: RowPadding;
}

/** What decides which arithmetic is done, but for the model. */
function computationOf({ lookup, numThreads }: WorkerOptions, { format, attention, padding }: Arithmetic) {
  const names = { format: format.name, attention: attention.name };
  const versions = { CHUNK_SIZES, GRAPH_VERSION, SAMPLER_VERSION };
  return { ...names, padding, lookup, numThreads, ...versions };
}

function shapeOf(
  { config, numParameters }: Checkpoint,
  precision: Precision,
  fingerprint: string,
): ModelShape {
  const { contextLength, vocabSize, numLayers, numHeads, hiddenSize } = config;
  return { contextLength, vocabSize, numLayers, numHeads, hiddenSize, numParameters, precision, fingerprint };
}
