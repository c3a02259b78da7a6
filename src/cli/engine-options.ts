import type { EngineOptions } from '../engine/index.js';
import { locateModel } from './model-location.js';
import type { ResolvedSettings } from './resolve-settings.js';

/**
 * Says the settings as the engine's options.
 *
 * @throws UsageError where there is no such model.
 */
export function toEngineOptions({ settings, origins }: ResolvedSettings): EngineOptions {
  const { model, threads, kvCacheBytes, maxWaitingRequests } = settings;
  return {
    models: [locateModel(model, origins.model)],
    numThreads: threads === 'auto' ? undefined : threads,
    kvCacheBytes,
    maxWaiting: maxWaitingRequests,
  };
}
