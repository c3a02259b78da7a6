import type { RequestHandler } from 'express';
import { createOpenapiDocument } from './document.js';

/** Makes the handler of `GET /openapi.json`. */
export function createOpenapiRoute(version: string): RequestHandler {
  const document = createOpenapiDocument(version);
  return (_request, response) => {
    response.json(document);
  };
}
