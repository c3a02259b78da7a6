import { ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';
import { encodeRichStatus } from '../../contract/rich-status.js';

type PartialStatus = Parameters<ServerInterceptingCall['sendStatus']>[0];

/**
 * Makes the interceptor that puts right what grpc-js 1.14 does by itself, out of the servicers' sight:
 *
 * - The statuses of a deadline that passes and of a message that is too large get details like every other. The
 *   latter becomes INVALID_ARGUMENT: RESOURCE_EXHAUSTED would tell the caller to try again.
 * - It computes deadlines with 32 bits, so that one of 24.8 to 49.7 days, or a multiple on, lies in the past and
 *   fails the call at once. Such a call gets no deadline. One that wraps to a time ahead can't be told from a real
 *   one, so clients should not ask for more than 24 days.
 *
 * grpc-js sends these by `call.sendStatus` of the innermost call, which is therefore replaced; a servicer's own
 * statuses pass through the same function unchanged.
 */
export function transportFailures(maxMessageBytes: number): ServerInterceptor {
  return (_method, call) => {
    const sendStatus = call.sendStatus.bind(call);
    const wrapped = Number(call.getDeadline()) < Date.now() - 1000;
    if (wrapped) call.getDeadline = () => Number.POSITIVE_INFINITY;
    call.sendStatus = (sent) => {
      if (hasDetails(sent)) sendStatus(sent);
      else if (sent.code === status.DEADLINE_EXCEEDED) wrapped || sendStatus(deadlineExceeded());
      else if (sent.code === status.RESOURCE_EXHAUSTED) sendStatus(tooLarge(maxMessageBytes));
      else sendStatus(sent);
    };
    return new ServerInterceptingCall(call);
  };
}

function hasDetails({ metadata }: PartialStatus): boolean {
  return metadata != null && metadata.get('grpc-status-details-bin').length > 0;
}

function deadlineExceeded(): PartialStatus {
  const message = 'The deadline passed before the request was done.';
  return encodeRichStatus({ reason: 'DEADLINE_EXCEEDED', message });
}

function tooLarge(maxMessageBytes: number): PartialStatus {
  const message = `The request message must be at most ${maxMessageBytes} bytes.`;
  const metadata = { max_message_bytes: String(maxMessageBytes) };
  return encodeRichStatus({ reason: 'INVALID_FIELD', message, metadata });
}
