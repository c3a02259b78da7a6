import { randomUUID } from 'node:crypto';
import type { ClientReadableStream } from '@grpc/grpc-js';
import type {
  CompletionClient,
  GenerateRequest,
  GenerateResponse,
} from '../../contract/gen/linnet/v1/completion.js';
import { type CallMetadata, hearKeyId, toMetadata } from './call-metadata.js';
import { cancelCall } from './cancel-call.js';

/** How one Generate call is made. */
export interface GenerateCallOptions extends CallMetadata {
  /** Cancels the call. What arrives afterwards is dropped. */
  readonly signal: AbortSignal;
  /** How long the call may take. Milliseconds; undefined for as long as it needs. */
  readonly timeoutMs?: number | undefined;
  /** How long the engine has to end a cancelled stream before the call is reset. Milliseconds. */
  readonly cancelGraceMs: number;
}

/**
 * Makes one Generate call and streams its events. Aborting the signal, or leaving the loop, cancels it as {@link cancelCall} does.
 *
 * @throws the call's ServiceError, or the signal's reason.
 */
export async function* readGenerateCall(
  client: CompletionClient,
  request: GenerateRequest,
  { signal, timeoutMs, cancelGraceMs, ...caller }: GenerateCallOptions,
) {
  signal.throwIfAborted();
  const cancelKey = randomUUID();
  const deadline = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  const call = client.generate({ ...request, cancelKey }, toMetadata(caller), deadline);
  hearKeyId(call, caller);
  // The iterator throws what goes wrong while it is read; afterwards nobody wants to know.
  call.on('error', () => undefined);
  const cancel = () => cancelCall(call, { client, cancelKey, cancelGraceMs, apiKey: caller.apiKey });
  signal.addEventListener('abort', cancel, { once: true });
  let isOpen = true;
  try {
    for await (const { event } of responsesOf(call)) {
      if (event !== undefined && !signal.aborted) yield event;
    }
    isOpen = false;
  } catch (caught) {
    isOpen = false;
    throw caught;
  } finally {
    signal.removeEventListener('abort', cancel);
    if (isOpen) {
      cancel();
      call.resume();
    }
  }
  signal.throwIfAborted();
}

// Leaving a stream's own iterator destroys the stream, which stops reading but does not cancel the call.
function responsesOf(call: ClientReadableStream<GenerateResponse>): AsyncIterable<GenerateResponse> {
  const responses: AsyncIterator<GenerateResponse> = call.iterator({ destroyOnReturn: false });
  return { [Symbol.asyncIterator]: () => responses };
}
