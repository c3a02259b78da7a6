import type { ErrorKind } from './gateway-error.js';

/** Every reason for which the gateway itself refuses a request, before it asks the engine. */
export const REQUEST_ERROR_CATALOGUE = {
  /** The body is no JSON object. */
  INVALID_JSON: kind(400, 'invalid_json'),
  /** The body is not UTF-8. */
  INVALID_UTF8: kind(400, 'invalid_utf8'),
  /** The request can't be read: a bad length, a broken compression, a path that does not decode. */
  INVALID_REQUEST: kind(400, 'invalid_request'),
  /** Nothing has this path. */
  UNKNOWN_PATH: kind(404, 'unknown_path'),
  /** The path has other methods; `Allow` lists them. */
  METHOD_NOT_ALLOWED: kind(405, 'method_not_allowed'),
  /** The body is larger than the limit. */
  REQUEST_TOO_LARGE: kind(413, 'request_too_large'),
  /** The body is not declared as JSON in UTF-8, or its compression is unknown. */
  UNSUPPORTED_MEDIA_TYPE: kind(415, 'unsupported_media_type'),
} as const satisfies Record<string, ErrorKind>;

function kind(http: number, openaiCode: string): ErrorKind {
  return { http, type: 'invalid_request_error', openaiCode };
}
