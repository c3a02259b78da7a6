import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import {
  ERROR_CATALOGUE,
  type ErrorCatalogueEntry,
  isErrorReason,
} from '../../src/contract/error-catalogue.js';

/** The HTTP status of each gRPC code, from the comments of google/rpc/code.proto. */
const HTTP_OF_CODE: Readonly<Record<number, number>> = {
  [status.CANCELLED]: 499,
  [status.INVALID_ARGUMENT]: 400,
  [status.DEADLINE_EXCEEDED]: 504,
  [status.NOT_FOUND]: 404,
  [status.UNAUTHENTICATED]: 401,
  [status.PERMISSION_DENIED]: 403,
  [status.FAILED_PRECONDITION]: 400,
  [status.RESOURCE_EXHAUSTED]: 429,
  [status.INTERNAL]: 500,
  [status.UNAVAILABLE]: 503,
};

const entries: [string, ErrorCatalogueEntry][] = Object.entries(ERROR_CATALOGUE);

describe('ERROR_CATALOGUE', () => {
  it.each(entries)('says %s over HTTP as google.rpc.Code does', (_reason, { code, http }) => {
    expect(http).toBe(HTTP_OF_CODE[code]);
  });

  it.each(entries)('writes %s as ErrorInfo demands, and its OpenAI code in lower case', (reason, entry) => {
    expect(reason).toMatch(/^[A-Z][A-Z0-9_]{0,61}[A-Z0-9]$/);
    expect(entry.openaiCode).toMatch(/^[a-z_]+$/);
  });

  it('knows its own reasons and no others', () => {
    expect(entries.every(([reason]) => isErrorReason(reason))).toBe(true);
    expect(isErrorReason('toString')).toBe(false);
    expect(isErrorReason('')).toBe(false);
  });
});
