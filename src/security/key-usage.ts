import { AccessError } from './access-error.js';
import type { KeyLimits, KeyRecord } from './api-key.js';
import { Bucket } from './bucket.js';

/** A request that was admitted under a key's limits. */
export interface Admission {
  /** Counts tokens of the prompt or the completion, as they come. */
  charge(numTokens: number): void;
  /** Ends the request. Idempotent. */
  release(): void;
}

interface Usage {
  readonly requests: Bucket;
  readonly tokens: Bucket;
  numRunning: number;
}

const RETRY_AFTER_MS = 1000;
const MINUTE_MS = 60_000;

/** What each key has used of its limits, in this process, since its start. */
export class KeyUsage {
  readonly #byId = new Map<string, Usage>();
  readonly #now: () => number;

  /** @param now monotonic milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Admits a request, or refuses it and counts nothing. A key without limits always passes.
   *
   * @throws AccessError RATE_LIMIT_EXCEEDED, with the time after which to come back.
   */
  admit({ id, limits }: Pick<KeyRecord, 'id' | 'limits'>): Admission {
    const usage = this.#usageOf(id);
    const nowMs = this.#now();
    this.#check(id, limits, { usage, nowMs });
    if (limits.requestsPerMinute !== undefined) usage.requests.take(1, rate(limits.requestsPerMinute), nowMs);
    usage.numRunning += 1;
    let isRunning = true;
    return {
      charge: (numTokens) => {
        if (limits.tokensPerMinute === undefined) return;
        usage.tokens.take(numTokens, rate(limits.tokensPerMinute), this.#now());
      },
      release() {
        if (isRunning) usage.numRunning -= 1;
        isRunning = false;
      },
    };
  }

  #check(id: string, limits: KeyLimits, { usage, nowMs }: { readonly usage: Usage; readonly nowMs: number }) {
    const { requestsPerMinute, concurrentRequests, tokensPerMinute } = limits;
    if (concurrentRequests !== undefined && usage.numRunning >= concurrentRequests) {
      throw refusal(id, {
        limit: concurrentRequests,
        of: 'requests at a time',
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    if (requestsPerMinute !== undefined) {
      const retryAfterMs = usage.requests.waitMs(1, rate(requestsPerMinute), nowMs);
      if (retryAfterMs > 0)
        throw refusal(id, { limit: requestsPerMinute, of: 'requests a minute', retryAfterMs });
    }
    if (tokensPerMinute !== undefined) {
      const retryAfterMs = usage.tokens.waitMs(1, rate(tokensPerMinute), nowMs);
      if (retryAfterMs > 0)
        throw refusal(id, { limit: tokensPerMinute, of: 'tokens a minute', retryAfterMs });
    }
  }

  // Bounded by the ids that the file of keys has ever had.
  #usageOf(id: string): Usage {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const usage = { requests: new Bucket(), tokens: new Bucket(), numRunning: 0 };
    this.#byId.set(id, usage);
    return usage;
  }
}

function rate(perMinute: number) {
  return { capacity: perMinute, perMs: perMinute / MINUTE_MS };
}

function refusal(
  id: string,
  { limit, of, retryAfterMs }: { readonly limit: number; readonly of: string; readonly retryAfterMs: number },
): AccessError {
  return new AccessError({
    reason: 'RATE_LIMIT_EXCEEDED',
    message: `The API key "${id}" is at its limit of ${limit} ${of}.`,
    metadata: { key: id, limit: String(limit), limit_of: of },
    quotaSubject: `key:${id}`,
    retryAfterMs: Math.ceil(retryAfterMs),
  });
}
