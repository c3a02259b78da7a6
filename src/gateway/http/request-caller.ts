import type { Request, Response } from 'express';
import { findKey } from '../../security/api-key.js';
import type { CallMetadata } from '../upstream/call-metadata.js';
import { faultOf } from './request-headers.js';
import { addToRequestLog } from './request-log.js';
import { traceContextOf } from './request-trace.js';

const FIT_FOR_METADATA = /^[\x21-\x7e]{1,512}$/;

/** Says for whom the engine is called to answer a request: its name, its key, its fault, its trace. */
export function callerOf(request: Request<unknown>, response: Response): CallMetadata {
  return {
    requestId: response.get('x-request-id'),
    apiKey: apiKeyOf(request),
    fault: faultOf(request),
    trace: traceContextOf(response),
    onKeyId: (key) => addToRequestLog(response, { key }),
  };
}

/** Reads the key that a request carries; undefined where there is none, or it can't be a key. */
function apiKeyOf(request: Request<unknown>): string | undefined {
  const key = findKey((name) => request.get(name));
  return key !== undefined && FIT_FOR_METADATA.test(key) ? key : undefined;
}
