import type { EventEmitter } from 'node:events';
import type { CompletionClient } from '../../contract/gen/linnet/v1/completion.js';
import { toMetadata } from './call-metadata.js';

/** What cancelling needs of a call. */
export interface CancellableCall extends EventEmitter {
  cancel(): void;
}

/** How a call is cancelled. */
export interface Cancellation {
  readonly client: CompletionClient;
  /** The key that the call's request carries. */
  readonly cancelKey: string;
  /** How long the engine has to end the cancelled call before it is reset. Milliseconds. */
  readonly cancelGraceMs: number;
  /** Whose call it is. */
  readonly apiKey: string | undefined;
}

/**
 * Cancels a call by the Cancel RPC, because servers close a connection on which too many streams are reset, and by a
 * reset only where that does not end it in time.
 */
export function cancelCall(call: CancellableCall, cancellation: Cancellation): void {
  const { client, cancelKey, cancelGraceMs, apiKey } = cancellation;
  const reset = setTimeout(() => call.cancel(), cancelGraceMs);
  call.once('status', () => clearTimeout(reset));
  client.cancel(
    { cancelKey },
    toMetadata({ apiKey }),
    { deadline: Date.now() + cancelGraceMs },
    (error, response) => {
      if (error !== null || response.cancelledRequests === 0) call.cancel();
    },
  );
}
