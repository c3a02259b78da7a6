import { type ServiceError, status } from '@grpc/grpc-js';
import { ERROR_CATALOGUE, type ErrorReason } from '../../contract/error-catalogue.js';
import { decodeRichStatus } from '../../contract/rich-status.js';
import { GatewayError } from '../errors/gateway-error.js';

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
  const reason = reasonOf(caught);
  return new GatewayError(ERROR_CATALOGUE[reason], messageOf(reason, address), { cause: caught });
}

/**
 * Tells whether a call failed because its connection could not be made or broke, which says nothing about the next
 * one. Of no use for calls that the gateway itself has cancelled.
 */
export function isConnectionLoss(caught: unknown): boolean {
  if (!isServiceError(caught) || decodeRichStatus(caught) !== undefined) return false;
  // CANCELLED is what a server that is shut down by force leaves behind.
  if (caught.code === status.UNAVAILABLE || caught.code === status.CANCELLED) return true;
  // A server closes a connection on which too many streams were reset.
  return caught.code === status.INTERNAL && /RST_STREAM with code 2\b/.test(caught.details);
}

/**
 * Reads a refusal that would have met any other request of the same caller for the same model, however short: the queue is
 * full, or takes too long. Undefined where it is another failure, or the request's own size has to do with it.
 */
export function toFullQueueError(caught: unknown): GatewayError | undefined {
  const rich = isServiceError(caught) ? decodeRichStatus(caught) : undefined;
  const { limit, waitingRequests } = rich?.reason === 'QUEUE_FULL' ? (rich.metadata ?? {}) : {};
  const isOfAll = (limit === 'requests' || limit === 'wait') && Number(waitingRequests) > 0;
  return rich && isOfAll ? GatewayError.fromRichStatus(rich) : undefined;
}

/** Tells whether the gateway gave a call up at its deadline, before the engine said anything of it. */
export function isBareDeadline(caught: unknown): boolean {
  return (
    isServiceError(caught) &&
    caught.code === status.DEADLINE_EXCEEDED &&
    decodeRichStatus(caught) === undefined
  );
}

function isServiceError(caught: unknown): caught is ServiceError {
  return caught instanceof Error && 'code' in caught && 'details' in caught && 'metadata' in caught;
}

type TransportReason = Extract<ErrorReason, 'ENGINE_UNAVAILABLE' | 'DEADLINE_EXCEEDED' | 'INTERNAL'>;

function reasonOf(caught: ServiceError): TransportReason {
  if (isConnectionLoss(caught)) return 'ENGINE_UNAVAILABLE';
  return caught.code === status.DEADLINE_EXCEEDED ? 'DEADLINE_EXCEEDED' : 'INTERNAL';
}

function messageOf(reason: TransportReason, address: string): string {
  switch (reason) {
    case 'ENGINE_UNAVAILABLE':
      return (
        `There is no connection to the engine at ${address}; ` +
        'start one there with `linnet serve` or `linnet engine`, or correct the address.'
      );
    case 'DEADLINE_EXCEEDED':
      return `The engine at ${address} did not answer in time; allow more time, or try again when it has less to do.`;
    case 'INTERNAL':
      return `The engine at ${address} failed; the gateway's log has the cause under this answer's x-request-id.`;
  }
}
