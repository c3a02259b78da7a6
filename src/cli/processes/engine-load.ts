import type { ModelInfo } from '../../engine/index.js';

/** What all models of an engine together are doing. */
export interface EngineLoad {
  readonly runningRequests: number;
  readonly waitingRequests: number;
  readonly kvCacheUsedBytes: number;
  /** Of the models that are in memory. */
  readonly kvCacheLimitBytes: number;
  /** Tokens generated since the engine started. */
  readonly generatedTokens: number;
  /** Whether a model is just being loaded. */
  readonly isLoading: boolean;
}

/** Adds up what the models are doing. */
export function toEngineLoad(models: readonly ModelInfo[], generatedTokens: number): EngineLoad {
  const sum = (count: (model: ModelInfo) => number) =>
    models.reduce((total, model) => total + count(model), 0);
  return {
    runningRequests: sum(({ load }) => load.runningRequests),
    waitingRequests: sum(({ load }) => load.waitingRequests),
    kvCacheUsedBytes: sum(({ load }) => load.kvCacheUsedBytes),
    kvCacheLimitBytes: sum(({ load, state }) => (state === 'ready' ? load.kvCacheLimitBytes : 0)),
    generatedTokens,
    isLoading: models.some(({ state }) => state === 'loading'),
  };
}
