/** What a {@link HubError} may say beside its message. */
export interface HubErrorOptions {
  /** Whether the same request may succeed a little later: the network, a busy server. Default false. */
  readonly transient?: boolean;
  /** How long the server asks to wait before that. Milliseconds. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** A pull that can't be done. Its message says what is wrong, and what to do, to the person who asked for it. */
export class HubError extends Error {
  readonly transient: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { transient = false, retryAfterMs, cause }: HubErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'HubError';
    this.transient = transient;
    this.retryAfterMs = retryAfterMs;
  }
}
