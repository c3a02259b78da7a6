/**
 * How a request ended: `completed`; `refused` by the service before there was any text; `failed` in any other way;
 * `left` by its client on purpose.
 */
export type Outcome = 'completed' | 'refused' | 'failed' | 'left';

/** One request, as its client saw it. */
export interface Attempt {
  readonly outcome: Outcome;
  /** Of a refusal or failure: the catalogue's reason, or what broke, such as `ECONNRESET`. Else empty. */
  readonly reason: string;
  readonly text: string;
  /** Tokens of the completion, as far as it came. */
  readonly completionTokens: number;
  /** From the request to its first text; undefined where there was none. */
  readonly firstTokenMs: number | undefined;
  /** Between the parts of the text as they came. */
  readonly gapsMs: readonly number[];
  /** From the request to its end. */
  readonly durationMs: number;
}

/** How one request is to be made. */
export interface CallOptions {
  /** The client leaves when this many parts of the text have come, or before that; undefined to stay. */
  readonly leaveAfter: number | undefined;
  /** Gives the request up: it counts as failed, with the reason `UNFINISHED`. */
  readonly signal: AbortSignal;
}

/** Notes what comes of a request while it runs. */
export class AttemptClock {
  readonly #startedAtMs = performance.now();
  #lastAtMs = 0;
  #firstTokenMs: number | undefined;
  #numParts = 0;
  readonly #gapsMs: number[] = [];
  #text = '';

  /** How many parts of the text have come. */
  get numParts(): number {
    return this.#numParts;
  }

  /** A part of the text has come. */
  add(text: string): void {
    const nowMs = performance.now();
    if (this.#firstTokenMs === undefined) this.#firstTokenMs = nowMs - this.#startedAtMs;
    else this.#gapsMs.push(nowMs - this.#lastAtMs);
    this.#lastAtMs = nowMs;
    this.#numParts += 1;
    this.#text += text;
  }

  /** The request has ended. */
  end(outcome: Outcome, { reason = '', completionTokens = this.#numParts } = {}): Attempt {
    return {
      outcome,
      reason,
      text: this.#text,
      completionTokens,
      firstTokenMs: this.#firstTokenMs,
      gapsMs: this.#gapsMs,
      durationMs: performance.now() - this.#startedAtMs,
    };
  }

  /** The request has failed with this reason of the service's; a refusal where there was no text yet. */
  fail(reason: string, isRefusal: boolean): Attempt {
    return this.end(isRefusal && this.#numParts === 0 ? 'refused' : 'failed', { reason });
  }
}
