import type { ModelInfo } from '../engine.js';
import { EngineError } from '../engine-error.js';

/** Why a queue does not take a request, or does not keep it. */
export interface FullQueue {
  /**
   * What there is too much of; `share`: the request made room for one of a tenant that has less of the queue; `wait`: it
   * would have waited too long.
   */
  readonly limit: 'requests' | 'tokens' | 'share' | 'wait';
  readonly numWaiting: number;
  /** When those that wait now will have had their turns. Milliseconds. */
  readonly retryAfterMs: number;
}

const FULL: Readonly<Record<FullQueue['limit'], string>> = {
  requests: 'The queue is full',
  tokens: "The queue is full of other requests' prompts",
  share: 'The queue is full, and others have less of it',
  wait: 'The queue takes too long',
};

/** Says that a model's queue has no room. */
export function queueFull({ limit, numWaiting, retryAfterMs }: FullQueue): EngineError {
  const afterMs = Math.ceil(retryAfterMs);
  return new EngineError(
    'QUEUE_FULL',
    `${FULL[limit]}: ${numWaiting} requests wait. Try again in ${afterMs} ms.`,
    {
      metadata: { limit, waitingRequests: String(numWaiting), retryAfterMs: String(afterMs) },
      retryAfterMs: afterMs,
    },
  );
}

/** Says that no more requests may wait for a model to load. */
export function loadingQueueFull({ id, load }: ModelInfo, retryAfterMs: number): EngineError {
  const numWaiting = load.waitingRequests;
  return new EngineError(
    'QUEUE_FULL',
    `${numWaiting} requests wait for model "${id}" to load. Try again in ${retryAfterMs} ms.`,
    {
      metadata: { model: id, waitingRequests: String(numWaiting), retryAfterMs: String(retryAfterMs) },
      retryAfterMs,
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

/** Says to requests that their model's worker has ended under them. */
export function crashed(cause?: unknown): EngineError {
  return new EngineError(
    'ENGINE_UNAVAILABLE',
    "The model's worker ended unexpectedly; the model is loaded again. Send the request again.",
    { cause, retryAfterMs: 1000 },
  );
}

/** Says to requests that their model's worker was given up, because a step did not come to its end. */
export function hung(stepLimitMs: number): EngineError {
  return new EngineError(
    'ENGINE_UNAVAILABLE',
    `A step of the model took far longer than its limit of ${stepLimitMs} ms. The model is started again; send the request again.`,
    { metadata: { stepLimitMs: String(stepLimitMs) }, retryAfterMs: 1000 },
  );
}
