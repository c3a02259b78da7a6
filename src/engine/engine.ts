import type { GenerateEvent, GenerateRequest } from './completion.js';
import type { ScoreRequest, ScoreResult } from './score.js';
import type { Detokenization, Tokenization } from './tokenization.js';

/** Whether a model can answer: not in memory yet, being loaded, in memory, or failed to load. */
export type ModelState = 'unloaded' | 'loading' | 'ready' | 'failed';

/**
 * How a model's matrices are stored and multiplied: as the checkpoint has them, in blocks of 128 weights of 8 or of 4 bits
 * that share a scale, or as 8-bit integers with one scale for each row of the input and each output.
 */
export type Precision = 'f32' | 'q8' | 'i8' | 'q4';

/** A model's shape. */
export interface ModelShape {
  /** The most tokens of prompt and completion together. */
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly hiddenSize: number;
  /** A tied embedding counted once. */
  readonly numParameters: number;
  readonly precision: Precision;
  /** Names what the bits of answers depend on: weights, precision, kernels, processor. `fp_` and 12 hex digits. */
  readonly fingerprint: string;
}

/** What a model is doing now. */
export interface ModelLoad {
  /** Requests that have a place, or several. */
  readonly runningRequests: number;
  /** Requests that wait for one. */
  readonly waitingRequests: number;
  /** How long a request that comes now, behind all of those, would wait, as measured; 0 where nothing is known. */
  readonly predictedWaitMs: number;
  readonly kvCacheUsedBytes: number;
  readonly kvCacheLimitBytes: number;
}

/** A model as the service shows it. */
export interface ModelInfo {
  readonly id: string;
  readonly state: ModelState;
  /** While weights are quantized, at the first load: what share is done, in [0, 1]. */
  readonly loadingShare?: number | undefined;
  /**
   * Why the last attempt to load it failed, or its worker ended, in one line; undefined where neither did. A model that
   * is being loaded again still has it.
   */
  readonly error: string | undefined;
  /** Undefined until the checkpoint has been read. */
  readonly shape: ModelShape | undefined;
  /** When the engine started to offer it. */
  readonly createdAt: Date;
  /** What is set aside for its weights and its KV cache; 0 while it is not in memory. */
  readonly memoryBytes: number;
  readonly load: ModelLoad;
  /** Whether it has work and makes no progress: its step takes longer than the limit. New requests are refused meanwhile. */
  readonly isStuck: boolean;
  /** Whether its queue has refused a request, and is still nearly as long. */
  readonly isQueueFull: boolean;
}

/** Completes text. The one thing that the rest of Linnet knows of the engine. */
export interface Engine {
  /**
   * Streams completions. Reading starts them; aborting the signal, or leaving the loop, frees their places within
   * one engine step.
   *
   * @throws EngineError in place of an event: before `accepted` for a refusal, after it for a failure. An abort
   *   throws the signal's reason where that is an EngineError, else CANCELLED.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerateEvent>;

  /**
   * Tells how probable texts are as continuations of a context, which is computed once for all.
   *
   * @throws EngineError for a refusal or a failure; where the signal aborts, as {@link generate} does.
   */
  score(request: ScoreRequest, signal: AbortSignal): Promise<ScoreResult>;

  /**
   * Splits text into a model's tokens. Loads no model.
   *
   * @throws EngineError MODEL_NOT_FOUND.
   */
  tokenize(model: string, text: string): Promise<Tokenization>;

  /**
   * Joins a model's tokens to text. Loads no model.
   *
   * @throws EngineError MODEL_NOT_FOUND, or INVALID_FIELD for an id outside the vocabulary.
   */
  detokenize(model: string, tokenIds: readonly number[]): Promise<Detokenization>;

  /** Lists the models, the default one first. Never waits for the worker. */
  models(): readonly ModelInfo[];

  /**
   * Loads a model (the default one if none is named), unless it is in memory. Requests do it by themselves.
   *
   * @throws EngineError MODEL_NOT_FOUND, or MODEL_LOAD_FAILED with what is wrong with which file or tensor, or that
   *   there is no memory for it.
   */
  load(model?: string): Promise<void>;

  /**
   * Frees a model's memory, unless it is not in memory. Requests load it again by themselves.
   *
   * @throws EngineError MODEL_NOT_FOUND, or MODEL_BUSY while requests use it or it is being loaded.
   */
  unload(model: string): Promise<void>;

  /** What all models together may take. */
  readonly memoryLimitBytes: number;

  /** Calls the listener after each change of a model's state, loading share, `isStuck` or `isQueueFull`, until the returned function is called. */
  onStateChange(listener: (model: ModelInfo) => void): () => void;

  /** Ends what runs with ENGINE_UNAVAILABLE and frees the workers. Idempotent. */
  close(): Promise<void>;
}
