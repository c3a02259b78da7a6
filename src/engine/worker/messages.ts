import type { SequenceName, StepOutput } from '../core/step-output.js';
import type { ModelLoad, ModelShape, Precision } from '../engine.js';
import { EngineError, type EngineErrorReason } from '../engine-error.js';
import type { GroupRequest } from '../scheduling/group-request.js';

/** What a model's worker needs to know to load it: structured-clone safe, and resolved, with no defaults left. */
export interface WorkerOptions {
  /** The checkpoint folder. */
  readonly directory: string;
  readonly precision: Precision;
  /** Where quantized weights are kept. */
  readonly cacheDirectory: string;
  /**
   * At 4 bits, whether a token's bits are to be independent of what else runs; at other precisions they always are.
   */
  readonly deterministic: boolean;
  /** Whether few sequences draft their next tokens from their own text. */
  readonly lookup: boolean;
  /** Threads that compute a step. */
  readonly numThreads: number;
  /** The KV cache's budget in bytes. */
  readonly kvCacheBytes: number;
  /** The most sequences that run at a time. */
  readonly maxRunning: number;
  /** How long a step may take before the model counts as stuck; after three times that it is given up. Milliseconds. */
  readonly stepLimitMs: number;
}

/** What the main thread tells a worker. */
export type EngineCommand =
  | { readonly type: 'add'; readonly request: GroupRequest }
  /** A request ends, wherever it is. */
  | { readonly type: 'abort'; readonly id: number }
  /** One of a request's sequences ends. */
  | ({ readonly type: 'stop' } & SequenceName)
  | { readonly type: 'close' };

/** What a worker knows of its load. */
export type WorkerLoad = Omit<ModelLoad, 'predictedWaitMs'>;

/** What a worker tells the main thread. */
export type WorkerEvent =
  /** Weights are being quantized: what share is done, in [0, 1]. */
  | { readonly type: 'progress'; readonly share: number }
  | { readonly type: 'loaded'; readonly shape: ModelShape; readonly load: WorkerLoad }
  /** Loading failed, or a step did: the worker ends after this. */
  | { readonly type: 'failed'; readonly error: WireError }
  | { readonly type: 'step'; readonly output: StepOutput; readonly load: WorkerLoad }
  /** Nothing is left to do of the first `numAdds` requests that were handed over. */
  | { readonly type: 'idle'; readonly numAdds: number; readonly load: WorkerLoad };

/** An EngineError as it crosses the thread boundary, where classes are lost. */
export interface WireError {
  readonly reason: EngineErrorReason;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;
  /** The cause, for the log. */
  readonly cause: unknown;
}

/** Makes an error fit to cross the thread boundary. */
export function toWireError({ reason, message, metadata, retryAfterMs, cause }: EngineError): WireError {
  return { reason, message, metadata, retryAfterMs, cause: cause instanceof Error ? cause.stack : undefined };
}

/** Makes the error that crossed the thread boundary whole again. */
export function fromWireError({ reason, message, metadata, retryAfterMs, cause }: WireError): EngineError {
  return new EngineError(reason, message, {
    metadata,
    cause,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
