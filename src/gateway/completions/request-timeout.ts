import type { Request } from 'express';
import { ERROR_CATALOGUE } from '../../contract/error-catalogue.js';
import { GatewayError } from '../errors/gateway-error.js';
import type { CompletionRequest } from './completion-request.js';

const HEADER = 'x-request-timeout-ms';
const MAX_MS = 86_400_000;
/** How the OpenAI libraries say after how many seconds they give up an answer that comes in one piece. */
const LIBRARY_HEADERS = ['x-stainless-timeout', 'x-stainless-read-timeout'];

/**
 * Says how long a completion may take: the least of the body's `timeout_ms`, the header `x-request-timeout-ms` and,
 * where the answer comes in one piece, the time after which an OpenAI library stops waiting for it, and a little more:
 * the library's own error is what its user expects. Milliseconds; undefined for as long as it needs.
 *
 * @throws GatewayError 400 that names the header.
 */
export function timeoutOf(
  request: Request,
  { timeoutMs, stream }: Pick<CompletionRequest, 'timeoutMs' | 'stream'>,
): number | undefined {
  const limits = [timeoutMs, ownHeader(request), ...(stream ? [] : LIBRARY_HEADERS.map(seconds(request)))];
  const known = limits.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function ownHeader(request: Request): number | undefined {
  const text = request.get(HEADER);
  if (text === undefined) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) : 0;
  if (ms >= 1 && ms <= MAX_MS) return ms;
  const message = `\`${HEADER}\` must be an integer from 1 to ${MAX_MS}; got ${JSON.stringify(text.slice(0, 32))}.`;
  throw new GatewayError(ERROR_CATALOGUE.INVALID_FIELD, message, { param: HEADER });
}

function seconds(request: Request) {
  return (header: string): number | undefined => {
    const ms = Number(request.get(header) || Number.NaN) * 1000;
    return ms >= 1 && ms <= MAX_MS ? Math.min(Math.floor(ms * 1.1) + 100, MAX_MS) : undefined;
  };
}
