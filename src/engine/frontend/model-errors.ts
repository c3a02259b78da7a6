import { EngineError } from '../engine-error.js';

/** Says that no more requests may wait for a model to load. */
export function loadingQueueFull(id: string, numWaiting: number): EngineError {
  return new EngineError(
    'QUEUE_FULL',
    `${numWaiting} requests wait for model "${id}" to load. Try again later.`,
    {
      metadata: { model: id, waitingRequests: String(numWaiting) },
      retryAfterMs: 1000,
    },
  );
}

/** Says that a model can't be unloaded now. */
export function busy(id: string): EngineError {
  return new EngineError('MODEL_BUSY', `Model "${id}" is in use. Try again when its requests have ended.`, {
    metadata: { model: id },
    retryAfterMs: 1000,
  });
}

/** Says to a request that it came to a model which was being unloaded. */
export function evicted(id: string): EngineError {
  return new EngineError('ENGINE_UNAVAILABLE', `Model "${id}" was unloaded; the next request loads it.`, {
    metadata: { model: id },
    retryAfterMs: 1000,
  });
}
