import { setTimeout as sleep } from 'node:timers/promises';
import { HubError } from './hub-error.js';

/** How often, and how long, to try again. */
export interface RetryPolicy {
  /** The most tries in a row that achieve nothing. */
  readonly maxTries: number;
  /** The wait before the second try; it doubles, up to a minute. Milliseconds. */
  readonly delayMs: number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

const MAX_DELAY_MS = 60_000;

/**
 * Tries again after failures that may pass, waiting longer each time.
 *
 * @param attempt tells through its argument that it achieved something: the count of tries begins anew.
 * @throws HubError the first that is not transient, or the last; the signal's reason where it aborts.
 */
export async function retrying<T>(
  attempt: (achieved: () => void) => Promise<T>,
  { maxTries, delayMs, signal }: RetryPolicy,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    try {
      return await attempt(() => {
        tries = 1;
      });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof HubError && error.transient)) throw error;
      if (tries >= maxTries)
        throw new HubError(`${error.message} (${tries} tries) What has come is kept: pull again later.`, {
          cause: error,
        });
      const backoffMs = Math.max(delayMs * 2 ** (tries - 1), error.retryAfterMs ?? 0);
      await sleep(Math.min(backoffMs, MAX_DELAY_MS), undefined, { signal });
    }
  }
}
