import { status } from '@grpc/grpc-js';

/** How one reason is said on each surface. */
export interface ErrorCatalogueEntry {
  /** The gRPC status code. */
  readonly code: status;
  /** The HTTP status. */
  readonly http: number;
  /** `error.type` of an OpenAI error body. */
  readonly type: string;
  /** `error.code` of an OpenAI error body. */
  readonly openaiCode: string;
}

/** The domain of every `google.rpc.ErrorInfo` that Linnet sends. */
export const ERROR_DOMAIN = 'linnet';

/**
 * Every reason for which a request can fail, and how each surface says it. Servicers choose the reason; gRPC
 * statuses, HTTP statuses and OpenAI error bodies are all read from here.
 */
export const ERROR_CATALOGUE = {
  /** A field's value is not acceptable; `BadRequest` names the field. */
  INVALID_FIELD: entry(status.INVALID_ARGUMENT, 400, 'invalid_request_error', 'invalid_value'),
  /** Prompt and completion together exceed the model's context. */
  CONTEXT_LENGTH_EXCEEDED: entry(
    status.INVALID_ARGUMENT,
    400,
    'invalid_request_error',
    'context_length_exceeded',
  ),
  /** No model has this id. */
  MODEL_NOT_FOUND: entry(status.NOT_FOUND, 404, 'invalid_request_error', 'model_not_found'),
  /** The model's checkpoint can't be loaded; the next request tries again. */
  MODEL_LOAD_FAILED: entry(status.UNAVAILABLE, 503, 'server_error', 'model_load_failed'),
  /** The service asks for an API key, and the request has none. */
  API_KEY_MISSING: entry(status.UNAUTHENTICATED, 401, 'invalid_request_error', 'missing_api_key'),
  /** The service does not know the request's API key. */
  API_KEY_INVALID: entry(status.UNAUTHENTICATED, 401, 'invalid_request_error', 'invalid_api_key'),
  /** The API key may not do this: it is not an administrator's. */
  ADMIN_KEY_REQUIRED: entry(status.PERMISSION_DENIED, 403, 'invalid_request_error', 'admin_key_required'),
  /** The API key is at one of its limits; `QuotaFailure` says which, `RetryInfo` when to come back. */
  RATE_LIMIT_EXCEEDED: entry(status.RESOURCE_EXHAUSTED, 429, 'rate_limit_error', 'rate_limit_exceeded'),
  /** The model is in use, so it can't be unloaded; `RetryInfo` says when to come back. */
  MODEL_BUSY: entry(status.FAILED_PRECONDITION, 400, 'invalid_request_error', 'model_busy'),
  /** The queue is full; `RetryInfo` says when to come back. */
  QUEUE_FULL: entry(status.RESOURCE_EXHAUSTED, 429, 'rate_limit_error', 'queue_full'),
  /** The request's deadline passed. */
  DEADLINE_EXCEEDED: entry(status.DEADLINE_EXCEEDED, 504, 'timeout_error', 'deadline_exceeded'),
  /** The caller went away. */
  CANCELLED: entry(status.CANCELLED, 499, 'invalid_request_error', 'cancelled'),
  /** The engine is starting, draining or down; `RetryInfo` says when to come back. */
  ENGINE_UNAVAILABLE: entry(status.UNAVAILABLE, 503, 'server_error', 'engine_unavailable'),
  /** A defect of the service; the log has the cause. */
  INTERNAL: entry(status.INTERNAL, 500, 'server_error', 'internal_error'),
} as const satisfies Record<string, ErrorCatalogueEntry>;

/** A reason of the catalogue, as `ErrorInfo.reason` carries it. */
export type ErrorReason = keyof typeof ERROR_CATALOGUE;

/** Tells whether a string that came over the wire is a reason that this version knows. */
export function isErrorReason(reason: string): reason is ErrorReason {
  return Object.hasOwn(ERROR_CATALOGUE, reason);
}

function entry(code: status, http: number, type: string, openaiCode: string): ErrorCatalogueEntry {
  return { code, http, type, openaiCode };
}
