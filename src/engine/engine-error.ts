/** Why the engine refused or ended a request. Stable: callers map each to what their transport says. */
export type EngineErrorReason =
  | 'INVALID_FIELD'
  | 'CONTEXT_LENGTH_EXCEEDED'
  | 'MODEL_NOT_FOUND'
  | 'MODEL_LOAD_FAILED'
  | 'MODEL_BUSY'
  | 'QUEUE_FULL'
  | 'DEADLINE_EXCEEDED'
  | 'CANCELLED'
  | 'ENGINE_UNAVAILABLE'
  | 'INTERNAL';

/** What accompanies an error. Everything dynamic in the message is in `metadata` too, so nobody parses prose. */
export interface EngineErrorOptions {
  /** The request field at fault, in the proto's spelling (`max_tokens`). */
  readonly field?: string;
  /** Values that appear in the message, by name. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When trying again may succeed. Milliseconds. */
  readonly retryAfterMs?: number;
  /** What caused it: for the log, never for the caller. */
  readonly cause?: unknown;
}

/** The one error that the engine throws. Its message is fit for the caller to read. */
export class EngineError extends Error {
  readonly reason: EngineErrorReason;
  readonly field: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(reason: EngineErrorReason, message: string, options: EngineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EngineError';
    this.reason = reason;
    this.field = options.field;
    this.metadata = options.metadata ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Turns whatever was caught into an EngineError; what is not one becomes INTERNAL with the original as cause. */
  static from(caught: unknown): EngineError {
    if (caught instanceof EngineError) return caught;
    return new EngineError('INTERNAL', 'The engine failed.', { cause: caught });
  }
}
