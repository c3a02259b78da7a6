import type { Metadata } from '@grpc/grpc-js';
import type { KeyRecord } from '../../security/api-key.js';

const callers = new WeakMap<Metadata, KeyRecord>();

/** Notes by whose API key a call was let in. A call has the same metadata object from the guard to its servicer. */
export function setCaller(metadata: Metadata, caller: KeyRecord): void {
  callers.set(metadata, caller);
}

/** Says by whose API key a call was let in; undefined where the service asks for none. */
export function callerOf(metadata: Metadata): KeyRecord | undefined {
  return callers.get(metadata);
}
