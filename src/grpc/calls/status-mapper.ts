import { Metadata, type StatusObject, type status } from '@grpc/grpc-js';
import type { ErrorReason } from '../../contract/error-catalogue.js';
import { encodeRichStatus } from '../../contract/rich-status.js';
import { EngineError, type EngineErrorReason } from '../../engine/index.js';
import { AccessError } from '../../security/access-error.js';

// Statuses travel in headers, and peers refuse headers of more than some kilobytes.
const MAX_MESSAGE_CHARS = 1024;

/** A failure that another protocol than Linnet's prescribes, such as an unknown service in `grpc.health.v1`. */
export class StatusError extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.name = 'StatusError';
    this.code = code;
  }
}

/**
 * Maps whatever a servicer threw to the status that its caller sees. What is no EngineError, AccessError or StatusError
 * becomes INTERNAL with a fixed text: the cause is for the log.
 */
export function toStatus(caught: unknown, requestId: string): StatusObject {
  if (caught instanceof StatusError) {
    return { code: caught.code, details: caught.message, metadata: new Metadata() };
  }
  if (caught instanceof AccessError) {
    const { status: rich } = caught;
    return encodeRichStatus({ ...rich, metadata: { ...rich.metadata, request_id: requestId } });
  }
  const { reason, message, field, metadata, retryAfterMs } = EngineError.from(caught);
  return encodeRichStatus({
    reason: toErrorReason(reason),
    message: message.length > MAX_MESSAGE_CHARS ? `${message.slice(0, MAX_MESSAGE_CHARS)}…` : message,
    field,
    metadata: { ...metadata, request_id: requestId },
    retryAfterMs,
  });
}

/** Compiles only as long as the error catalogue has every reason of the engine. */
function toErrorReason(reason: EngineErrorReason): ErrorReason {
  return reason;
}
