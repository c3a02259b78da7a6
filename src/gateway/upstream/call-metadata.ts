import { Metadata } from '@grpc/grpc-js';
import { formatTraceparent, type TraceContext } from '../../telemetry/trace-context.js';

/** For whom the gateway calls the engine. */
export interface CallMetadata {
  /** Names the request in the engine's log. */
  readonly requestId?: string | undefined;
  /** The client's API key, in visible ASCII, where it has one. */
  readonly apiKey?: string | undefined;
  /** The fault that the client asks for, in visible ASCII; the engine knows whether it may. */
  readonly fault?: string | undefined;
  /** The trace that the call is a part of. */
  readonly trace?: TraceContext | undefined;
}

/** Says for whom a call to the engine is made. */
export function toMetadata({ requestId, apiKey, fault, trace }: CallMetadata): Metadata {
  const metadata = new Metadata();
  if (requestId !== undefined) metadata.set('x-request-id', requestId);
  if (apiKey !== undefined) metadata.set('authorization', `Bearer ${apiKey}`);
  if (fault !== undefined) metadata.set('x-linnet-fault', fault);
  if (trace !== undefined) metadata.set('traceparent', formatTraceparent(trace));
  return metadata;
}
