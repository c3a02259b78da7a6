import type { RequestHandler, Response } from 'express';
import { parseTraceparent, type TraceContext } from '../../telemetry/trace-context.js';
import type { Tracer } from '../../telemetry/tracer.js';
import { addToRequestLog } from './request-log.js';

const contexts = new WeakMap<Response, TraceContext>();

/** The trace that a request belongs to, for the engine; undefined where there is none. */
export function traceContextOf(response: Response): TraceContext | undefined {
  return contexts.get(response);
}

/**
 * Makes the middleware that traces what is asked by POST: a span from its beginning to the end of its answer. Without a
 * tracer the client's trace is only passed on, and named in the log.
 */
export function createRequestTrace(tracer: Tracer | undefined): RequestHandler {
  return (request, response, next) => {
    const parent = parseTraceparent(request.get('traceparent'));
    const span = request.method === 'POST' ? tracer?.start('POST', parent) : undefined;
    const context = span?.context ?? parent;
    if (context !== undefined) {
      contexts.set(response, context);
      addToRequestLog(response, { traceId: context.traceId });
    }
    if (span !== undefined) {
      response.once('close', () => {
        const route: string | readonly string[] | undefined = request.route?.path;
        const path = typeof route === 'string' ? route : route?.[0];
        const status = response.writableFinished ? response.statusCode : 499;
        span.end({
          name: path === undefined ? undefined : `POST ${path}`,
          attributes: {
            'http.request.method': 'POST',
            'http.route': path,
            'http.response.status_code': status,
            'linnet.request_id': response.get('x-request-id'),
          },
          isError: status >= 500,
        });
      });
    }
    next();
  };
}
