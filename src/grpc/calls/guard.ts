import {
  Metadata,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { EngineError } from '../../engine/index.js';
import { findKey, KEY_ID_METADATA, type KeyRecord } from '../../security/api-key.js';
import type { KeyRing } from '../../security/key-ring.js';
import type { ServiceMetrics } from '../metrics/service-metrics.js';
import { startCallLog } from './call-log.js';
import { requestIdOf } from './call-scope.js';
import { setCaller } from './caller.js';
import { toStatus } from './status-mapper.js';

/** What a call must satisfy before its message is read. */
export interface GuardOptions {
  readonly logger: Logger;
  /** Whose callers are let in; undefined for all. */
  readonly keys: KeyRing | undefined;
  /** The most metadata, names and values together. Bytes. */
  readonly maxMetadataBytes: number;
  /** Where refused calls are counted; undefined for nowhere. */
  readonly metrics?: ServiceMetrics | undefined;
}

// Probes have no keys, and learn nothing but whether the service serves.
const PUBLIC = '/grpc.health.v1.Health/';

/**
 * Makes the interceptor that refuses a call by its metadata alone, so that a stranger's messages take no memory. Whoever is
 * let in by a key is told its id, in the metadata before the first message and in that of the status: a gateway without
 * the keys has it for its log.
 */
export function createGuard({ logger, keys, maxMetadataBytes, metrics }: GuardOptions): ServerInterceptor {
  return ({ path }, call) => {
    let caller: KeyRecord | undefined;
    const check = (metadata: Metadata) => {
      checkSize(metadata, maxMetadataBytes);
      if (keys === undefined || path.startsWith(PUBLIC)) return;
      caller = keys.authenticate(findKey((name) => textOf(metadata, name)));
      setCaller(metadata, caller);
    };
    const withKeyId = (metadata: Metadata) => {
      if (caller !== undefined) metadata.set(KEY_ID_METADATA, caller.id);
      return metadata;
    };
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        try {
          check(metadata);
        } catch (refusal) {
          const requestId = requestIdOf(metadata);
          const log = startCallLog({ logger, metrics, rpc: path, level: 'info', countedAs: '_OTHER' });
          log({ requestId }, refusal);
          call.sendStatus(toStatus(refusal, requestId));
          return;
        }
        next(metadata);
      })
      .build();
    return new ServerInterceptingCall(call, {
      start: (next) => next(listener),
      sendMetadata: (metadata, next) => next(withKeyId(metadata)),
      sendStatus: (sent, next) => next({ ...sent, metadata: withKeyId(sent.metadata ?? new Metadata()) }),
    });
  };
}

function textOf(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : undefined;
}

function checkSize(metadata: Metadata, maxBytes: number): void {
  let numBytes = 0;
  for (const name of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(name)) numBytes += name.length + value.length;
  }
  if (numBytes <= maxBytes) return;
  const message = `The metadata must be at most ${maxBytes} bytes; got ${numBytes}.`;
  const values = { max_metadata_bytes: String(maxBytes), metadata_bytes: String(numBytes) };
  throw new EngineError('INVALID_FIELD', message, { metadata: values });
}
