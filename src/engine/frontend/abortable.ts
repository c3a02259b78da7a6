import { EngineError } from '../engine-error.js';

/**
 * Waits for a promise until the signal aborts.
 *
 * @throws what {@link toAbortError} makes of the signal.
 */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw toAbortError(signal);
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(toAbortError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The error with which a signal's abort ends a request: the signal's reason where that is one, else CANCELLED. */
export function toAbortError(signal: AbortSignal): EngineError {
  if (signal.reason instanceof EngineError) return signal.reason;
  return new EngineError('CANCELLED', 'The request was cancelled.', { cause: signal.reason });
}
