import type { SamplingParams } from './sampling/sampling-params.js';

/** One completion to make. Its fields have been checked against their ranges; the model's limits have not. */
export interface GenerateRequest {
  /** The model's id; empty for the default model. */
  readonly model: string;
  /** Text, or token ids in [0, vocabulary size). Not empty. */
  readonly prompt: string | readonly number[];
  /** The most tokens to generate, at least 1. */
  readonly maxTokens: number;
  /** How tokens are chosen, and which end the completion. */
  readonly sampling: SamplingParams;
  /** Strings that end the completion, each not empty. */
  readonly stop: readonly string[];
  /**
   * When the completion must be there, by the clock of `Date.now`; undefined for no deadline. A request that can't begin
   * in time is refused at once; one that is not done then ends with DEADLINE_EXCEEDED, after what there is.
   */
  readonly deadlineAtMs?: number | undefined;
}

/** Comes first, once: the request has its place, and its prompt is about to be computed. */
export interface AcceptedEvent {
  readonly type: 'accepted';
  /** The id of the model that answers. */
  readonly model: string;
  /** Of the model that answers, as {@link ModelShape.fingerprint}. */
  readonly systemFingerprint: string;
  readonly promptTokens: number;
  /** Tokens of the prompt that were computed for an earlier request. */
  readonly cachedTokens: number;
}

/** Comes any number of times: what was generated since the last one. A slow reader gets fewer and larger ones. */
export interface DeltaEvent {
  readonly type: 'delta';
  /** Whole characters; empty while a stop string or a character may be forming. */
  readonly text: string;
  /** The tokens sampled since the last delta; they may run ahead of `text`. */
  readonly tokenIds: readonly number[];
  /** The exact bytes of `tokenIds`. */
  readonly tokenBytes: Uint8Array;
}

/** Comes last, once. */
export interface FinishedEvent {
  readonly type: 'finished';
  readonly finishReason: 'stop' | 'length';
  /** What stopped it, where `finishReason` is 'stop': the matched string, or the id of the token that ended it. */
  readonly stop: string | number | undefined;
  readonly usage: Usage;
  readonly timings: Timings;
}

/** An event of one completion: one accepted, any number of deltas, one finished. */
export type GenerateEvent = AcceptedEvent | DeltaEvent | FinishedEvent;

/** Counts what a request consumed. */
export interface Usage {
  readonly promptTokens: number;
  /** Tokens generated, a stop string's and the token that ended the completion included. */
  readonly completionTokens: number;
  /** A part of `promptTokens`. */
  readonly cachedTokens: number;
  /** Tokens that were guessed from the text so far and held; a part of `completionTokens`. */
  readonly acceptedPredictionTokens: number;
}

/** Where a request's time went. */
export interface Timings {
  /** From arrival to the first step. Milliseconds. */
  readonly queueMs: number;
  /** From the first step to the first token. Milliseconds. */
  readonly prefillMs: number;
  /** From the first token to the last. Milliseconds. */
  readonly decodeMs: number;
}

/** Whether a model can answer: not in memory yet, being loaded, in memory, or failed to load. */
export type ModelState = 'unloaded' | 'loading' | 'ready' | 'failed';

/**
 * How a model's matrices are stored and multiplied: as the checkpoint has them, or in blocks of 128 weights of 8 or of
 * 4 bits that share a scale.
 */
export type Precision = 'f32' | 'q8' | 'q4';

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
  /** Requests that have their place. */
  readonly runningRequests: number;
  /** Requests that wait for one. */
  readonly waitingRequests: number;
  readonly kvCacheUsedBytes: number;
  readonly kvCacheLimitBytes: number;
}

/** A model as the service shows it. */
export interface ModelInfo {
  readonly id: string;
  readonly state: ModelState;
  /** While weights are quantized, at the first load: what share is done, in [0, 1]. */
  readonly loadingShare?: number | undefined;
  /** Why loading failed, in one line; undefined unless `state` is 'failed'. */
  readonly error: string | undefined;
  /** Undefined until the checkpoint has been read. */
  readonly shape: ModelShape | undefined;
  /** When the engine started to offer it. */
  readonly createdAt: Date;
  readonly load: ModelLoad;
}

/** Completes text. The one thing that the rest of Linnet knows of the engine. */
export interface Engine {
  /**
   * Streams one completion. Reading starts it; aborting the signal, or leaving the loop, frees its place within
   * one engine step.
   *
   * @throws EngineError in place of an event: before `accepted` for a refusal, after it for a failure. An abort
   *   throws the signal's reason where that is an EngineError, else CANCELLED.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerateEvent>;

  /** Lists the models, the default one first. Never waits for the worker. */
  models(): readonly ModelInfo[];

  /**
   * Loads a model (the default one if none is named), unless it is in memory. Requests do it by themselves.
   *
   * @throws EngineError MODEL_NOT_FOUND, or MODEL_LOAD_FAILED with what is wrong with which file or tensor.
   */
  load(model?: string): Promise<void>;

  /** Calls the listener after each change of a model's state or loading share, until the returned function is called. */
  onStateChange(listener: (model: ModelInfo) => void): () => void;

  /** Ends what runs with ENGINE_UNAVAILABLE and frees the workers. Idempotent. */
  close(): Promise<void>;
}
