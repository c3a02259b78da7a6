import type { Metadata } from '@grpc/grpc-js';
import { AccessError } from '../../security/access-error.js';
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

/**
 * Lets an administrator's key pass, and everybody where the service asks for no keys.
 *
 * @throws AccessError ADMIN_KEY_REQUIRED.
 */
export function checkAdmin(caller: KeyRecord | undefined): void {
  if (caller === undefined || caller.isAdmin) return;
  throw new AccessError({
    reason: 'ADMIN_KEY_REQUIRED',
    message: `The API key "${caller.id}" may not do this; ask with one made by \`linnet key create --admin\`.`,
    metadata: { key: caller.id },
  });
}
