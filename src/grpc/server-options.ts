import type { Logger } from 'pino';
import type { KeyRing } from '../security/key-ring.js';
import type { PemStore } from '../security/pem-store.js';
import type { Tracer } from '../telemetry/tracer.js';
import type { ServiceMetrics } from './metrics/service-metrics.js';

/** How the gRPC server listens, what it bounds, and where it logs. */
export interface GrpcServerOptions {
  readonly logger: Logger;
  /** Whether the log has prompts and completions too, cut where they are long. Default false. */
  readonly logText?: boolean;
  /** Whether calls may ask for faults, by `x-linnet-fault`: for tests of what calls the service. Default false. */
  readonly allowsFaults?: boolean;
  /** Where calls and requests are counted. Default: nowhere. */
  readonly metrics?: ServiceMetrics | undefined;
  /** Where traces of requests go; close it after the server. Default: nowhere. */
  readonly tracer?: Tracer | undefined;
  /** The address to listen on. Default 127.0.0.1. */
  readonly host?: string;
  /** The port; 0 picks a free one. Default 50051. */
  readonly port?: number;
  /** An absolute path: listens on this Unix socket in place of host and port. Default: none. */
  readonly socketPath?: string | undefined;
  /** A Unix socket beside the port, in plaintext, for a gateway on the same machine. Default: none. */
  readonly gatewaySocketPath?: string | undefined;
  /** The certificates of the port; where they have authorities, callers must show one of theirs. Default: plaintext. */
  readonly tls?: PemStore | undefined;
  /** Whose callers are let in; health answers all. Default: everybody is. */
  readonly keys?: KeyRing | undefined;
  /** The largest request message; more is refused with INVALID_ARGUMENT. Bytes. Default 1 MiB. */
  readonly maxMessageBytes?: number;
  /** The most metadata of a call, names and values together; more is refused with INVALID_ARGUMENT. Bytes. Default 16 KiB. */
  readonly maxMetadataBytes?: number;
  /** The most calls at once on one connection; more wait in the client. A safety net: the engine's queue is the limit. Default 1000. */
  readonly maxConcurrentStreams?: number;
  /**
   * How long a connection takes new calls, give or take a tenth; those that run then go on, and the client makes a new
   * connection for others. Milliseconds. Default: as long as it lasts.
   */
  readonly maxConnectionAgeMs?: number | undefined;
  /** A connection idle for this long is asked whether it is alive. Milliseconds. Default 30,000. */
  readonly keepaliveTimeMs?: number;
  /** A connection that doesn't answer in this time is closed, and its calls are cancelled. Milliseconds. Default 10,000. */
  readonly keepaliveTimeoutMs?: number;
  /** A call whose full stream stays unread for this long is cancelled. Milliseconds. Default 60,000. */
  readonly stallLimitMs?: number;
  /** Whether the service has started, for its health, only once a model is in memory. Default: it has at once. */
  readonly preloads?: boolean;
  /** How long a drain reports NOT_SERVING before it refuses requests, so that balancers see it. Milliseconds. Default 0. */
  readonly drainDelayMs?: number;
}

/** The defaults of every option that has one. */
export const GRPC_SERVER_DEFAULTS = {
  logText: false,
  allowsFaults: false,
  host: '127.0.0.1',
  port: 50051,
  maxMessageBytes: 1024 * 1024,
  maxMetadataBytes: 16 * 1024,
  maxConcurrentStreams: 1000,
  keepaliveTimeMs: 30_000,
  keepaliveTimeoutMs: 10_000,
  stallLimitMs: 60_000,
  preloads: false,
  drainDelayMs: 0,
};
