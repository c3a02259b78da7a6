import type { CallOptions, ClientUnaryCall, Metadata, ServiceError } from '@grpc/grpc-js';
import { type CallMetadata, toMetadata } from './call-metadata.js';
import type { EngineChannels } from './engine-channels.js';
import { isConnectionLoss, toGatewayError } from './engine-failure.js';

/** How one unary call is made. */
export interface UnaryCallOptions extends CallMetadata {
  /** How long the engine has to answer. Milliseconds; undefined for as long as it needs. */
  readonly timeoutMs?: number | undefined;
  /** Cancels the call. Its reason is what is then thrown. */
  readonly signal?: AbortSignal;
  /** How a call is cancelled. Default: by a reset. */
  readonly cancel?: (call: ClientUnaryCall) => void;
}

/** Starts one unary call, as the generated clients do. */
export type StartUnaryCall<T> = (
  metadata: Metadata,
  options: Partial<CallOptions>,
  done: (error: ServiceError | null, response: T) => void,
) => ClientUnaryCall;

/**
 * Makes one unary call. A connection that breaks is replaced once: what is asked this way changes nothing on the
 * engine, so it may be asked twice.
 *
 * @throws GatewayError, or the signal's reason.
 */
export async function callUnary<T>(
  channels: EngineChannels,
  start: StartUnaryCall<T>,
  options: UnaryCallOptions,
): Promise<T> {
  try {
    return await attempt(start, options).catch((caught) => {
      options.signal?.throwIfAborted();
      if (!isConnectionLoss(caught)) throw caught;
      return attempt(start, options);
    });
  } catch (caught) {
    options.signal?.throwIfAborted();
    throw toGatewayError(caught, channels.address);
  }
}

function attempt<T>(
  start: StartUnaryCall<T>,
  { timeoutMs, signal, cancel = (call) => call.cancel(), ...caller }: UnaryCallOptions,
): Promise<T> {
  signal?.throwIfAborted();
  const deadline = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  return new Promise((resolve, reject) => {
    const call = start(toMetadata(caller), deadline, (error, response) => {
      signal?.removeEventListener('abort', onAbort);
      if (error === null) resolve(response);
      else reject(error);
    });
    const onAbort = () => cancel(call);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
