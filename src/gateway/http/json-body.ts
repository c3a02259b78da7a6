import express, { type RequestHandler } from 'express';
import { GatewayError } from '../errors/gateway-error.js';
import { REQUEST_ERROR_CATALOGUE } from '../errors/request-error-catalogue.js';

/**
 * Makes the middleware that reads a JSON body into `request.body`, whatever JSON it is.
 *
 * @param maxBytes the largest body, decompressed.
 * @throws GatewayError 400, 413 or 415 to the error handler.
 */
export function createJsonBody(maxBytes: number): RequestHandler[] {
  const readBytes = express.raw({ type: () => true, limit: maxBytes });
  const checkType: RequestHandler = (request, _response, next) => {
    const type = request.get('content-type') ?? '';
    if (!isJson(type)) throw unsupportedMediaType(type);
    next();
  };
  const parse: RequestHandler = (request, _response, next) => {
    request.body = parseJson(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
    next();
  };
  return [checkType, readBytes, parse];
}

function isJson(contentType: string): boolean {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  const charset = parameters.find((parameter) => parameter.trim().startsWith('charset='));
  return type.trim() === 'application/json' && (charset === undefined || /=\s*"?utf-?8"?\s*$/.test(charset));
}

function unsupportedMediaType(type: string): GatewayError {
  return new GatewayError(
    REQUEST_ERROR_CATALOGUE.UNSUPPORTED_MEDIA_TYPE,
    `The body must be JSON in UTF-8; got ${type === '' ? 'no content type' : `content type ${JSON.stringify(type)}`}. ` +
      'With curl, add -H "Content-Type: application/json".',
  );
}

function parseJson(bytes: Buffer): unknown {
  const text = decodeUtf8(bytes);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GatewayError(
      REQUEST_ERROR_CATALOGUE.INVALID_JSON,
      text === ''
        ? 'The body is empty; send a JSON object.'
        : 'The body is not valid JSON; check its quotes, commas and braces.',
      { cause },
    );
  }
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GatewayError(REQUEST_ERROR_CATALOGUE.INVALID_UTF8, 'The body is not valid UTF-8.', { cause });
  }
}
