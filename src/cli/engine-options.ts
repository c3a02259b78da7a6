import { resolve } from 'node:path';
import type { EngineOptions } from '../engine/index.js';
import { locateModel } from './model-location.js';
import type { ResolvedSettings } from './resolve-settings.js';

/**
 * Says the settings as the engine's options.
 *
 * @throws UsageError where there is no such model.
 */
export function toEngineOptions({ settings, origins }: ResolvedSettings): EngineOptions {
  const { model, precision, deterministic, lookup, cacheDirectory, threads } = settings;
  return {
    models: [locateModel(model, origins.model)],
    precision,
    deterministic,
    lookup,
    cacheDirectory: cacheDirectory === 'auto' ? undefined : resolve(cacheDirectory),
    numThreads: threads === 'auto' ? undefined : threads,
    kvCacheBytes: settings.kvCacheBytes,
    maxRunning: settings.maxRunningRequests,
    maxWaiting: settings.maxWaitingRequests,
    stepLimitMs: settings.stepLimitMs,
  };
}
