import type { GatewayError } from '../errors/gateway-error.js';

/** What share of the time to come back a refusal holds for others: the queue can lose no more of its length meanwhile. */
const HOLD_SHARE = 0.05;
const MAX_HOLD_MS = 100;
/** The most callers that are remembered. */
const MAX_REFUSALS = 1000;

interface Refusal {
  readonly error: GatewayError;
  readonly untilMs: number;
}

/**
 * Remembers for a moment whom an engine has refused because its queue was full, so that the next request of the same
 * caller for the same model is refused without asking: under overload that is most of them. A model's queue treats all
 * requests of a caller alike, but no two callers. Pure: the clock is the caller's.
 */
export class FullQueue {
  readonly #refusals = new Map<string, Refusal>();

  /** A caller's request was refused. */
  remember(caller: string, error: GatewayError, nowMs: number): void {
    const holdMs = Math.min((error.options.retryAfterMs ?? 0) * HOLD_SHARE, MAX_HOLD_MS);
    this.#refusals.delete(caller);
    this.#refusals.set(caller, { error, untilMs: nowMs + holdMs });
    const [oldest] = this.#refusals.keys();
    if (oldest !== undefined && this.#refusals.size > MAX_REFUSALS) this.#refusals.delete(oldest);
  }

  /** Says how a caller's request was refused a moment ago; undefined where the engine is to be asked. */
  recall(caller: string, nowMs: number): GatewayError | undefined {
    const refusal = this.#refusals.get(caller);
    if (refusal === undefined || nowMs < refusal.untilMs) return refusal?.error;
    this.#refusals.delete(caller);
    return undefined;
  }

  /** The queue has room again. */
  clear(): void {
    this.#refusals.clear();
  }
}
