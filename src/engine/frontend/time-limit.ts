import { EngineError } from '../engine-error.js';
import type { RequestPhase } from '../observer.js';

/** How far a request has come. */
export interface Progress {
  /** Waiting for the model or for its turn, computing its prompt, or generating. */
  readonly phase: RequestPhase;
  /** Tokens generated so far. */
  readonly completionTokens: number;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
const WHERE: Readonly<Record<Progress['phase'], string>> = {
  queue: 'while the request waited for its turn',
  prefill: 'while the prompt was computed',
  decode: 'while the completion was generated',
};

/** Ends a request at its deadline: its signal is the caller's, and aborts with DEADLINE_EXCEEDED besides. */
export class TimeLimit {
  /** Aborts when the caller's signal does, or at the deadline. */
  readonly signal: AbortSignal;
  readonly #progress: () => Progress;
  readonly #deadlineAtMs: number;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param deadlineAtMs by the clock of `Date.now`; undefined for none.
   * @param progress tells how far the request has come, for the error.
   */
  constructor(caller: AbortSignal, deadlineAtMs: number | undefined, progress: () => Progress) {
    this.#progress = progress;
    this.#deadlineAtMs = deadlineAtMs ?? Number.POSITIVE_INFINITY;
    this.signal = caller;
    if (deadlineAtMs === undefined) return;
    const controller = new AbortController();
    this.signal = AbortSignal.any([caller, controller.signal]);
    const remainingMs = Math.min(deadlineAtMs - Date.now(), MAX_TIMER_MS);
    const end = () => controller.abort(deadlineExceeded(this.#progress()));
    if (remainingMs > 0) this.#timer = setTimeout(end, remainingMs);
    else end();
  }

  /**
   * Refuses a request that can't even begin in time.
   *
   * @param leastWaitMs how long it waits for its turn, at least.
   * @throws EngineError DEADLINE_EXCEEDED.
   */
  refuseUnless(leastWaitMs: number): void {
    const remainingMs = Math.max(0, this.#deadlineAtMs - Date.now());
    if (leastWaitMs <= remainingMs) return;
    const [wait, remaining] = [Math.round(leastWaitMs), Math.round(remainingMs)];
    throw new EngineError(
      'DEADLINE_EXCEEDED',
      `The wait for a turn alone is about ${wait} ms, and the deadline is in ${remaining} ms; the request was not begun.`,
      {
        metadata: { phase: 'refused', leastWaitMs: String(wait), remainingMs: String(remaining) },
        retryAfterMs: wait - remaining,
      },
    );
  }

  /** The request is over. */
  end(): void {
    clearTimeout(this.#timer);
  }
}

function deadlineExceeded({ phase, completionTokens }: Progress): EngineError {
  const tokens = phase === 'decode' ? `, after ${completionTokens} tokens` : '';
  return new EngineError('DEADLINE_EXCEEDED', `The deadline passed ${WHERE[phase]}${tokens}.`, {
    metadata: { phase, completionTokens: String(completionTokens) },
  });
}
