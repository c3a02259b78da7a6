/** What a request can fail of: the service refused it, nobody answered, or the answer broke off. */
export type FailureKind = 'refused' | 'unreachable' | 'broken';

/** What is known of a failure beside its message. */
export interface FailureDetails {
  /** The HTTP status of a refusal. */
  readonly status?: number | undefined;
  /** `error.code` of a refusal. */
  readonly code?: string | undefined;
  /** After how many milliseconds trying again may succeed. */
  readonly retryAfterMs?: number | undefined;
  /** How many tokens would have fitted, where more were asked for. */
  readonly maxTokensLeft?: number | undefined;
}

/** The one error of the service's API. Its message is fit to be shown. */
export class ServiceFailure extends Error {
  readonly kind: FailureKind;
  readonly details: FailureDetails;

  constructor(kind: FailureKind, message: string, details: FailureDetails = {}) {
    super(message);
    this.name = 'ServiceFailure';
    this.kind = kind;
    this.details = details;
  }

  /** Turns whatever a fetch threw into a ServiceFailure. */
  static from(caught: unknown, kind: FailureKind): ServiceFailure {
    if (caught instanceof ServiceFailure) return caught;
    const message =
      kind === 'broken'
        ? 'The connection broke. What had come is kept.'
        : 'The service does not answer. Check that it runs and that this machine can reach it.';
    return new ServiceFailure(kind, message);
  }
}

interface ErrorBody {
  readonly error?: {
    readonly message?: string;
    readonly code?: string;
    readonly n_prompt_tokens?: number;
    readonly n_ctx?: number;
  };
}

/** Makes the failure that an answer with an error status describes. */
export async function readFailure(response: Response): Promise<ServiceFailure> {
  const body = (await response.json().catch(() => ({}))) as ErrorBody;
  return toFailure(body, {
    status: response.status,
    retryAfterMs: toRetryAfterMs(response.headers),
  });
}

/** Makes the failure that an error object describes: an answer's body, or the last event of a stream. */
export function toFailure({ error = {} }: ErrorBody, details: FailureDetails = {}): ServiceFailure {
  const { message, code, n_prompt_tokens: numPromptTokens, n_ctx: contextLength } = error;
  const said = message ?? `The service answered with status ${details.status ?? 'unknown'}.`;
  const left = numPromptTokens && contextLength ? contextLength - numPromptTokens : undefined;
  return new ServiceFailure('refused', said, { ...details, code, maxTokensLeft: left });
}

function toRetryAfterMs(headers: Headers): number | undefined {
  const ms = Number(headers.get('retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(ms)) return ms;
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}
