import { InferenceSession } from 'onnxruntime-node';
import { EngineError } from '../engine-error.js';
import type { MatrixFormat } from '../weights/matrix-format.js';
import { folderOf, isHalfPrecision, type StoredTensor } from './safetensors.js';

/** How the session uses the machine. */
export interface SessionOptions {
  /** The weights that the graph has by reference. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
  /** Threads that compute one step, at least 1. */
  readonly numThreads: number;
  /** What the graph multiplies with. */
  readonly format: MatrixFormat;
}

/** How long a thread waits for the next operator's work before it sleeps. */
const SPIN_DURATION_US = 20;

/**
 * Makes the one session of a model. Blocks the calling thread while it maps and packs the weights.
 *
 * @throws EngineError MODEL_LOAD_FAILED with ONNX Runtime's own words.
 */
export async function createSession(graph: Uint8Array, options: SessionOptions): Promise<InferenceSession> {
  const { weights, numThreads, format } = options;
  const settings = await format.sessionSettings?.();
  const isToRewrite = settings !== undefined || [...weights.values()].some(isHalfPrecision);
  try {
    return await InferenceSession.create(graph, {
      executionProviders: ['cpu'],
      intraOpNumThreads: numThreads,
      interOpNumThreads: 1,
      // The graph is written as it is to run, and to look for something better takes a quarter of the time. What is left
      // to ONNX Runtime is to widen weights of half precision once, and to make others u8.
      graphOptimizationLevel: isToRewrite ? 'all' : 'disabled',
      // Shapes change from step to step: patterns would pile up, 20 MB and more.
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: {
        session: {
          model_external_initializers_file_folder_path: folderOf(weights.values()),
          // The graph has the quantized operators that it wants: to look for others takes some 30 ms.
          disable_quant_qdq: '1',
          ...settings,
          // Threads that wait by spinning take a core from whoever else needs one: the event loop, the gateway, another
          // process. Not to spin at all costs a wake-up for each operator; to spin briefly bridges most of them
          // (docs/engine.md, "Spinning").
          intra_op: { allow_spinning: '1', spin_duration_us: String(SPIN_DURATION_US) },
        },
      },
    });
  } catch (cause) {
    throw new EngineError(
      'MODEL_LOAD_FAILED',
      `ONNX Runtime refused the model: ${(cause as Error).message}`,
      { cause },
    );
  }
}
