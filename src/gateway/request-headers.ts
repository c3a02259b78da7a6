import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Lifecycle } from './lifecycle.js';

const REQUEST_ID = /^[\w.-]{1,128}$/;

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
