import { type ServiceError, status } from '@grpc/grpc-js';
import { ERROR_CATALOGUE, type ErrorReason } from '../contract/error-catalogue.js';
import { decodeRichStatus } from '../contract/rich-status.js';
import { GatewayError } from './gateway-error.js';

/**
 * Turns what a call to the engine failed with into the gateway's error. What the service has described is passed on;
 * anything else comes from the transport, and only its code means something.
 *
 * @param address where the engine should be, for the message.
 */
export function toGatewayError(caught: unknown, address: string): GatewayError {
  if (!isServiceError(caught)) return GatewayError.from(caught);
  const rich = decodeRichStatus(caught);
  if (rich !== undefined) return GatewayError.fromRichStatus(rich);
  const reason = isConnectionLoss(caught) ? 'ENGINE_UNAVAILABLE' : reasonOf(caught.code);
  return new GatewayError(ERROR_CATALOGUE[reason], messageOf(reason, address), { cause: caught });
}

/**
 * Tells whether a call failed because its connection could not be made or broke, which says nothing about the next
 * one. A connection whose streams were reset too often ends as INTERNAL with "RST_STREAM with code 2".
 */
export function isConnectionLoss(caught: unknown): boolean {
  if (!isServiceError(caught) || decodeRichStatus(caught) !== undefined) return false;
  if (caught.code === status.UNAVAILABLE) return true;
  return caught.code === status.INTERNAL && /RST_STREAM with code 2\b/.test(caught.details);
}

function isServiceError(caught: unknown): caught is ServiceError {
  return caught instanceof Error && 'code' in caught && 'details' in caught && 'metadata' in caught;
}

function reasonOf(code: status): ErrorReason {
  if (code === status.DEADLINE_EXCEEDED) return 'DEADLINE_EXCEEDED';
  if (code === status.CANCELLED) return 'CANCELLED';
  return 'INTERNAL';
}

function messageOf(reason: ErrorReason, address: string): string {
  switch (reason) {
    case 'ENGINE_UNAVAILABLE':
      return (
        `The engine at ${address} does not answer; ` +
        'start it with `linnet engine`, or correct the engine address that the gateway was given.'
      );
    case 'DEADLINE_EXCEEDED':
      return `The engine at ${address} did not answer in time; allow more time, or try again when it has less to do.`;
    case 'CANCELLED':
      return 'The request was cancelled.';
    default:
      return `The engine at ${address} failed; the gateway's log has the cause under this answer's x-request-id.`;
  }
}
