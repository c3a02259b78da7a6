import { Metadata } from '@grpc/grpc-js';

/** For whom the gateway calls the engine. */
export interface CallMetadata {
  /** Names the request in the engine's log. */
  readonly requestId?: string | undefined;
  /** The client's API key, in visible ASCII, where it has one. */
  readonly apiKey?: string | undefined;
}

/** Says for whom a call to the engine is made. */
export function toMetadata({ requestId, apiKey }: CallMetadata): Metadata {
  const metadata = new Metadata();
  if (requestId !== undefined) metadata.set('x-request-id', requestId);
  if (apiKey !== undefined) metadata.set('authorization', `Bearer ${apiKey}`);
  return metadata;
}
