import type { RequestHandler, Response } from 'express';
import type { Logger } from 'pino';

/** What a route adds to its request's line in the log. Never a prompt, never a completion. */
export interface RequestLogFields {
  /** The id of the API key, where the gateway or the engine asked for one. */
  readonly key?: string;
  readonly completionId?: string;
  readonly model?: string;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  readonly cachedTokens?: number;
  /** Where the time of the first choice that ended went, as the engine tells it, and when its first token was there. */
  readonly queueMs?: number;
  readonly prefillMs?: number;
  readonly decodeMs?: number;
  readonly firstTokenMs?: number;
  /** `stop`, `length`, or both where choices ended in either way. */
  readonly finishReason?: string;
  /** How many there are, where there are several. */
  readonly choices?: number;
  /** The trace that the request belongs to. */
  readonly traceId?: string;
  readonly error?: string;
  readonly param?: string | undefined;
  readonly err?: unknown;
}

const fieldsByResponse = new WeakMap<Response, RequestLogFields>();

/** Adds to the line that the log gets for this response; what comes later wins. */
export function addToRequestLog(response: Response, fields: RequestLogFields): void {
  fieldsByResponse.set(response, { ...fieldsByResponse.get(response), ...fields });
}

/**
 * Makes the middleware that writes one line for each request when its response has ended. The status is 499 where the
 * client left before the end.
 */
export function createRequestLog(logger: Logger): RequestHandler {
  return (request, response, next) => {
    const startedAt = performance.now();
    const { method, path } = request;
    response.once('close', () => {
      const status = response.writableFinished ? response.statusCode : 499;
      const fields = fieldsByResponse.get(response);
      const line = {
        ...{ method, path, status, requestId: response.get('x-request-id'), ...fields },
        ms: Math.round(performance.now() - startedAt),
      };
      if (status >= 500 || fields?.err !== undefined) logger.error(line, 'request');
      else logger.info(line, 'request');
    });
    next();
  };
}
