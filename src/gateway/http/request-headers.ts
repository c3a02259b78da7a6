import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { Lifecycle } from '../lifecycle.js';

const REQUEST_ID = /^[\w.-]{1,128}$/;
const FAULT = /^[\x20-\x7e]{1,256}$/;

/**
 * Makes the middleware that sets what every answer carries: `x-request-id` (the caller's where it sent a fit one),
 * `x-content-type-options`, and `connection: close` while the gateway drains.
 */
export function createRequestHeaders(lifecycle: Lifecycle): RequestHandler {
  return (request, response, next) => {
    const given = request.get('x-request-id') ?? '';
    response.set('x-request-id', REQUEST_ID.test(given) ? given : randomUUID());
    response.set('x-content-type-options', 'nosniff');
    if (lifecycle.draining) response.set('connection', 'close');
    next();
  };
}

/** Reads the fault that a client asks for, for the engine; undefined where there is none, or it can't be one. */
export function faultOf(request: Request<unknown>): string | undefined {
  const fault = request.get('x-linnet-fault');
  return fault !== undefined && FAULT.test(fault) ? fault : undefined;
}

/** Names, in a header, the fields of the request that mean nothing here. */
export function setIgnoredFields(response: Response, names: readonly string[]): void {
  if (names.length > 0) response.set('x-linnet-ignored-fields', names.join(', '));
}
