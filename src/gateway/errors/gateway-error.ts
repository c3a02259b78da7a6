import { ERROR_CATALOGUE, type ErrorCatalogueEntry } from '../../contract/error-catalogue.js';
import type { RichStatus } from '../../contract/rich-status.js';
import { AccessError } from '../../security/access-error.js';

/** How one kind of failure is said over HTTP. */
export type ErrorKind = Pick<ErrorCatalogueEntry, 'http' | 'type' | 'openaiCode'>;

/** What accompanies a failure. */
export interface GatewayErrorOptions {
  /** The field of the HTTP request at fault. */
  readonly param?: string | undefined;
  /** Values for programs, which join the four standard keys of the error object. */
  readonly fields?: Readonly<Record<string, number | string | readonly string[]>> | undefined;
  /** When trying again may succeed. Milliseconds; of use with 429 and 503 only, where the default is 1000. */
  readonly retryAfterMs?: number | undefined;
  /** The methods that the path knows, for 405. */
  readonly allow?: string | undefined;
  /** What caused it: for the log, never for the caller. */
  readonly cause?: unknown;
}

/** The one error that the gateway answers with. Its message is fit for the caller to read. */
export class GatewayError extends Error {
  readonly kind: ErrorKind;
  readonly options: GatewayErrorOptions;

  constructor(kind: ErrorKind, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GatewayError';
    this.kind = kind;
    this.options = options;
  }

  /** Makes the error of a failure that the engine's service has described, in the words of HTTP's fields. */
  static fromRichStatus({ reason, message, field, metadata = {}, retryAfterMs }: RichStatus): GatewayError {
    const name = field && toFieldName(field);
    return new GatewayError(
      ERROR_CATALOGUE[reason],
      field && name ? message.replaceAll(`\`${field}\``, `\`${name}\``) : message,
      { param: name?.replace(/[.[].*$/, ''), fields: toFields(metadata), retryAfterMs },
    );
  }

  /**
   * Adds the texts that were there when the time was up; to other errors nothing.
   *
   * @param texts - one for each choice, in order.
   */
  withPartialTexts(texts: readonly string[]): GatewayError {
    if (this.kind !== ERROR_CATALOGUE.DEADLINE_EXCEEDED) return this;
    const [text = '', ...others] = texts;
    const partial = others.length === 0 ? { partial_text: text } : { partial_texts: texts };
    const fields = { ...this.options.fields, ...partial };
    return new GatewayError(this.kind, this.message, { ...this.options, fields });
  }

  /** Turns whatever was caught into a GatewayError; what is not one is a defect, with the original as cause. */
  static from(caught: unknown): GatewayError {
    if (caught instanceof GatewayError) return caught;
    if (caught instanceof AccessError) return GatewayError.fromRichStatus(caught.status);
    return new GatewayError(
      ERROR_CATALOGUE.INTERNAL,
      "The gateway failed; its log has the cause under this answer's x-request-id.",
      { cause: caught },
    );
  }
}

/** Makes the body of an HTTP answer: OpenAI's error object, all four of its keys always there. */
export function toErrorBody(error: GatewayError) {
  const { type, openaiCode: code } = error.kind;
  const { param = null, fields } = error.options;
  return { error: { message: error.message, type, param, code, ...fields } };
}

/** Makes the server-sent event that ends a stream: the same object. */
export function toErrorEvent(error: GatewayError): string {
  return `data: ${JSON.stringify(toErrorBody(error))}\n\n`;
}

/** Makes the headers that go with the body: whether and when to come back, how to say who one is, or which methods there are. */
export function toErrorHeaders(error: GatewayError): Record<string, string> {
  const { allow, retryAfterMs = 1000 } = error.options;
  if (allow !== undefined) return { allow };
  // The OpenAI libraries would try again what has just been found to take too long.
  if (error.kind.http === 504) return { 'x-should-retry': 'false' };
  if (error.kind.http === 401) return { 'www-authenticate': 'Bearer' };
  if (error.kind.http !== 429 && error.kind.http !== 503) return {};
  return {
    'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))),
    'retry-after-ms': String(Math.max(0, Math.ceil(retryAfterMs))),
  };
}

// HTTP has one field for all forms of a prompt, vLLM's names for what is tokenized, and calls a model's id `model`; all
// others have the proto's.
function toFieldName(field: string): string {
  return field
    .replace(/^prompt_token_ids(\.ids)?/, 'prompt')
    .replace(/^prompts\b/, 'prompt')
    .replace(/^id$/, 'model')
    .replace(/^text$/, 'prompt')
    .replace(/^token_ids\b/, 'tokens')
    .replace(/^(prompt|context|continuations)(\[\d+\])?\.(text|token_ids(\.ids)?)/, '$1$2');
}

// What of a status's metadata is for programs, under the names that clients of other servers look for.
const NUMBER_NAMES = {
  promptTokens: 'n_prompt_tokens',
  contextLength: 'n_ctx',
  maxTokens: 'max_tokens',
  waitingRequests: 'waiting_requests',
  completionTokens: 'completion_tokens',
} as const;

function toFields(metadata: Readonly<Record<string, string>>): Record<string, number | string> {
  const { phase } = metadata;
  const names = Object.entries(NUMBER_NAMES).filter(([from]) => /^\d+$/.test(metadata[from] ?? ''));
  const numbers = names.map(([from, to]) => [to, Number(metadata[from])]);
  return { ...(phase !== undefined && { phase }), ...Object.fromEntries(numbers) };
}
