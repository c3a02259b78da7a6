import type { Request, RequestHandler } from 'express';
import { findKey } from '../../security/api-key.js';
import type { KeyRing } from '../../security/key-ring.js';
import { addToRequestLog } from './request-log.js';

const FIT_FOR_METADATA = /^[\x21-\x7e]{1,512}$/;

/**
 * Makes the middleware that lets in whoever has a key of the ring, before it reads a body; everybody where there is no
 * ring. The engine's service gets the key too, and asks for one by itself.
 *
 * @throws AccessError to the error handler.
 */
export function createKeyGuard(keys: KeyRing | undefined): RequestHandler {
  return (request, response, next) => {
    if (keys !== undefined) {
      const { id } = keys.authenticate(findKey((name) => request.get(name)));
      addToRequestLog(response, { key: id });
    }
    next();
  };
}

/** Reads the key that a request carries, for the engine; undefined where there is none, or it can't be a key. */
export function apiKeyOf(request: Request): string | undefined {
  const key = findKey((name) => request.get(name));
  return key !== undefined && FIT_FOR_METADATA.test(key) ? key : undefined;
}
