import type { EventEmitter } from 'node:events';
import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { KEY_ID_METADATA } from '../../security/api-key.js';
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
  /** Is told the key's id by an engine that knows the key; perhaps several times. */
  readonly onKeyId?: ((keyId: string) => void) | undefined;
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

/** Listens for the key's id: it comes before a call's first message, or with its status where there is none. */
export function hearKeyId(call: EventEmitter, { onKeyId }: CallMetadata): void {
  const hear = (metadata: Metadata) => {
    const [keyId] = metadata.get(KEY_ID_METADATA);
    if (typeof keyId === 'string') onKeyId?.(keyId);
  };
  call.on('metadata', hear);
  call.on('status', ({ metadata }: StatusObject) => hear(metadata));
}
