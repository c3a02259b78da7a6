import { randomUUID } from 'node:crypto';

/**
 * Makes the id of an answer: the request's behind a prefix, unless that is the caller's own, since nobody promises that
 * those are unique.
 *
 * @param given the id that the caller sent, if any.
 */
export function createAnswerId(prefix: string, requestId: string, given: string | undefined): string {
  return `${prefix}-${requestId === given ? randomUUID() : requestId}`;
}
