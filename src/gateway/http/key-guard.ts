import type { RequestHandler } from 'express';
import { findKey } from '../../security/api-key.js';
import type { KeyRing } from '../../security/key-ring.js';
import { addToRequestLog } from './request-log.js';

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
