// The only file of the engine that others import.

export type {
  AcceptedEvent,
  DeltaEvent,
  FinishedEvent,
  GenerateEvent,
  GenerateRequest,
  Prompt,
  Timings,
  TokenLogprob,
  TopToken,
  Usage,
} from './completion.js';
export type { StepStats } from './core/step-output.js';
export { createEngine, type EngineOptions, type ModelSource } from './create-engine.js';
export type { Engine, ModelInfo, ModelLoad, ModelShape, ModelState, Precision } from './engine.js';
export { EngineError, type EngineErrorOptions, type EngineErrorReason } from './engine-error.js';
export { type CheckpointSummary, inspectCheckpoint, inspectConfig } from './inspect-checkpoint.js';
export { KV_BLOCK_TOKENS } from './kv-cache/chunk-sizes.js';
export type {
  EngineObserver,
  RequestListener,
  RequestMoments,
  RequestPhase,
  RequestReport,
} from './observer.js';
export { DEFAULT_SAMPLING, type SamplingParams } from './sampling/sampling-params.js';
export type { Score, ScoreRequest, ScoreResult } from './score.js';
export type { Detokenization, Token, Tokenization } from './tokenization.js';
