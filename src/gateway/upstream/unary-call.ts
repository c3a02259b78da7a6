import type { CallOptions, ClientUnaryCall, Metadata, ServiceError } from '@grpc/grpc-js';
import { type CallMetadata, hearKeyId, toMetadata } from './call-metadata.js';
import { toGatewayError } from './engine-failure.js';
import type { EngineLink } from './engine-link.js';
import type { EnginePool } from './engine-pool.js';

/** How one unary call is made. */
export interface UnaryCallOptions extends CallMetadata {
  /** How long the engine has to answer. Milliseconds; undefined for as long as it needs. */
  readonly timeoutMs?: number | undefined;
  /** Cancels the call. Its reason is what is then thrown. */
  readonly signal?: AbortSignal;
  /** How a call is cancelled. Default: by a reset. */
  readonly cancel?: (call: ClientUnaryCall, engine: EngineLink) => void;
}

/** Starts one unary call of an engine, as the generated clients do. */
export type StartUnaryCall<T> = (
  engine: EngineLink,
  metadata: Metadata,
  options: Partial<CallOptions>,
  done: (error: ServiceError | null, response: T) => void,
) => ClientUnaryCall;

/**
 * Makes one unary call. Where the connection breaks, or the engine refuses, it is made once more, of another engine if
 * one is well: what is asked this way changes nothing on the engine, so it may be asked twice.
 *
 * @throws GatewayError, or the signal's reason.
 */
export async function callUnary<T>(
  engines: EnginePool,
  start: StartUnaryCall<T>,
  options: UnaryCallOptions,
): Promise<T> {
  await engines.resolved;
  let engine = engines.pick();
  try {
    return await attempt(engine, start, options).catch((caught) => {
      options.signal?.throwIfAborted();
      const next = engines.pickAgain(engine, caught);
      if (next === undefined) throw caught;
      engine = next;
      return attempt(engine, start, options);
    });
  } catch (caught) {
    options.signal?.throwIfAborted();
    throw toGatewayError(caught, engine.address);
  }
}

function attempt<T>(
  engine: EngineLink,
  start: StartUnaryCall<T>,
  { timeoutMs, signal, cancel = (call) => call.cancel(), ...caller }: UnaryCallOptions,
): Promise<T> {
  signal?.throwIfAborted();
  const deadline = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  const end = engine.begin(1);
  return new Promise((resolve, reject) => {
    const call = start(engine, toMetadata(caller), deadline, (error, response) => {
      signal?.removeEventListener('abort', onAbort);
      end();
      if (error === null) resolve(response);
      else reject(error);
    });
    hearKeyId(call, caller);
    const onAbort = () => cancel(call, engine);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
