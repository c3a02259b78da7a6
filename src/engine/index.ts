// The only file of the engine that others import.

export { createEngine, type EngineOptions, type ModelSource } from './create-engine.js';
export type {
  AcceptedEvent,
  DeltaEvent,
  Engine,
  FinishedEvent,
  GenerateEvent,
  GenerateRequest,
  ModelInfo,
  ModelLoad,
  ModelShape,
  ModelState,
  Precision,
  Timings,
  Usage,
} from './engine.js';
export { EngineError, type EngineErrorOptions, type EngineErrorReason } from './engine-error.js';
export { type CheckpointSummary, inspectCheckpoint, inspectConfig } from './inspect-checkpoint.js';
export { DEFAULT_SAMPLING, type SamplingParams } from './sampling/sampling-params.js';
