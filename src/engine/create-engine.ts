import { availableParallelism } from 'node:os';
import type { Engine } from './engine.js';
import { WorkerEngine } from './frontend/worker-engine.js';

/** A model to offer. */
export interface ModelSource {
  /** The name that requests use. */
  readonly id: string;
  /** A Hugging Face GPT-2 checkpoint folder. */
  readonly directory: string;
}

/** How an engine is set up. Every number has a default. */
export interface EngineOptions {
  /** At least one; the first is the default model. */
  readonly models: readonly ModelSource[];
  /** Threads that compute one step, at least 1. Default: one for each core that the process may use. */
  readonly numThreads?: number | undefined;
  /** The budget of each model's KV cache in bytes, at least one sequence of full length. Default 1 GiB. */
  readonly kvCacheBytes?: number | undefined;
  /** The most requests of a model that run at a time. Default 64. */
  readonly maxRunning?: number | undefined;
  /** The most requests of a model that wait. Default 512. */
  readonly maxWaiting?: number | undefined;
  /** The most prompt tokens of a model's requests that wait. Default 131,072. */
  readonly maxWaitingTokens?: number | undefined;
}

/** Makes an engine. Nothing is loaded until the first request, or {@link Engine.load}. */
export function createEngine(options: EngineOptions): Engine {
  const { models, ...limits } = options;
  const defaults = {
    numThreads: availableParallelism(),
    kvCacheBytes: 2 ** 30,
    maxRunning: 64,
    maxWaiting: 512,
    maxWaitingTokens: 131_072,
  };
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  return new WorkerEngine(models, { ...defaults, ...given });
}
