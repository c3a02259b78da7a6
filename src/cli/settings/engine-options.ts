import { resolve } from 'node:path';
import type { EngineOptions, ModelSource } from '../../engine/index.js';
import type { Settings } from './settings.js';

/** Says the settings as the engine's options, once it is known where the models are. */
export function toEngineOptions(settings: Settings, models: readonly ModelSource[]): EngineOptions {
  const { precision, deterministic, lookup, cacheDirectory, threads } = settings;
  return {
    models,
    precision,
    deterministic,
    lookup,
    cacheDirectory: cacheDirectory === 'auto' ? undefined : resolve(cacheDirectory),
    numThreads: threads === 'auto' ? undefined : threads,
    kvCacheBytes: settings.kvCacheBytes,
    memoryBytes: settings.memoryBytes === 'auto' ? undefined : settings.memoryBytes,
    idleLimitMs: settings.unloadAfterMs === 'never' ? undefined : settings.unloadAfterMs,
    maxRunning: settings.maxRunningRequests,
    maxWaiting: settings.maxWaitingRequests,
    maxWaitingTokens: settings.maxWaitingTokens,
    maxWaitMs: settings.maxWaitMs === 'never' ? Number.POSITIVE_INFINITY : settings.maxWaitMs,
    stepLimitMs: settings.stepLimitMs,
  };
}
