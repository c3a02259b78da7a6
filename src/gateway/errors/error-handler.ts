import type { ErrorRequestHandler, RequestHandler } from 'express';
import { addToRequestLog } from '../http/request-log.js';
import { GatewayError, toErrorBody, toErrorHeaders } from './gateway-error.js';
import { REQUEST_ERROR_CATALOGUE } from './request-error-catalogue.js';

/** Answers any failure in OpenAI's shape. Where the answer has begun, the connection is cut: nothing else can be said. */
export const errorHandler: ErrorRequestHandler = (caught, _request, response, _next) => {
  const error = fromBodyError(caught) ?? GatewayError.from(caught);
  addErrorToLog(response, error);
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  response.status(error.kind.http).set(toErrorHeaders(error)).json(toErrorBody(error));
};

/** Notes a failure in its request's line of the log; the cause only where it is ours to look into. */
export function addErrorToLog(response: Parameters<typeof addToRequestLog>[0], error: GatewayError): void {
  const { kind, options, cause } = error;
  const err = kind.http >= 500 && cause !== undefined ? { err: cause } : {};
  addToRequestLog(response, { error: kind.openaiCode, param: options.param, ...err });
}

/** Answers a path that nothing has. */
export const unknownPath: RequestHandler = (request) => {
  throw new GatewayError(
    REQUEST_ERROR_CATALOGUE.UNKNOWN_PATH,
    `There is nothing at ${request.method} ${request.path}; GET / lists what there is.`,
  );
};

/** Makes the handler for the methods that a path does not have. */
export function methodNotAllowed(allow: string): RequestHandler {
  return (request) => {
    throw new GatewayError(
      REQUEST_ERROR_CATALOGUE.METHOD_NOT_ALLOWED,
      `${request.path} does not take ${request.method}; use ${allow}.`,
      { allow },
    );
  };
}

// Express and its body reader throw errors that carry a status, and a type for what they are.
function fromBodyError(caught: unknown): GatewayError | undefined {
  if (!(caught instanceof Error) || !('status' in caught) || caught instanceof GatewayError) return undefined;
  const { status, limit } = caught as Error & { status?: unknown; limit?: unknown };
  if (status === 413) {
    return new GatewayError(
      REQUEST_ERROR_CATALOGUE.REQUEST_TOO_LARGE,
      `The body is larger than ${limit} bytes; send less.`,
      { cause: caught },
    );
  }
  if (status === 415) {
    return new GatewayError(
      REQUEST_ERROR_CATALOGUE.UNSUPPORTED_MEDIA_TYPE,
      'The body has an unknown content encoding; send it plain or as gzip.',
      { cause: caught },
    );
  }
  if (typeof status !== 'number' || status < 400 || status > 499) return undefined;
  return new GatewayError(REQUEST_ERROR_CATALOGUE.INVALID_REQUEST, 'The request can not be read.', {
    cause: caught,
  });
}
