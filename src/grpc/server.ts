import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type ChannelOptions, Server } from '@grpc/grpc-js';
import { type Engine, EngineError } from '../engine/index.js';
import { KeyUsage } from '../security/key-usage.js';
import { bindServer, type GrpcServerAddress } from './bind-server.js';
import { createGuard } from './calls/guard.js';
import type { Rpc, RpcOptions } from './calls/rpc.js';
import { RunningRequests } from './calls/running-requests.js';
import { transportFailures } from './calls/transport-failures.js';
import { GRPC_SERVER_DEFAULTS, type GrpcServerOptions } from './server-options.js';
import { createCompletionRpcs } from './servicers/completion-servicer.js';
import { createHealthRpcs } from './servicers/health-servicer.js';
import { createModelsRpcs } from './servicers/models-servicer.js';
import { createReflectionRpcs } from './servicers/reflection-servicer.js';
import { ServiceHealth } from './servicers/service-health.js';
import { createTokenizerRpcs } from './servicers/tokenizer-servicer.js';

/** How long calls that were told to end may take to send their status. */
const SETTLE_MS = 1000;
const RETRY_AFTER_MS = 1000;

/** The gRPC server. */
export interface GrpcServer {
  /**
   * Begins to listen.
   *
   * @throws Error that says what stands in the way.
   */
  listen(): Promise<GrpcServerAddress>;

  /**
   * Shuts down with care: reports NOT_SERVING, after the drain delay refuses new requests, lets running ones finish,
   * ends those that have not after the grace with ENGINE_UNAVAILABLE, and closes. Idempotent; a later call does not
   * change the grace.
   */
  drain(graceMs: number): Promise<void>;

  /** Shuts down at once, also where it drains already: what runs ends with ENGINE_UNAVAILABLE. Idempotent. */
  close(): Promise<void>;

  /** How many requests to generate or to score are running. */
  readonly runningRequests: number;
}

/**
 * Creates the server of `linnet.v1`, health and reflection. It does not own the engine, the certificates or the keys:
 * close those after it. Without certificates, listen on loopback, a Unix socket, or behind a proxy that ends TLS.
 */
export function createGrpcServer(engine: Engine, options: GrpcServerOptions): GrpcServer {
  const settings = { ...GRPC_SERVER_DEFAULTS, ...options };
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // One for each call.
  const running = new RunningRequests();
  const health = new ServiceHealth(engine, settings.preloads);
  const server = new Server({
    ...channelOptions(settings),
    interceptors: [
      transportFailures(settings.maxMessageBytes),
      createGuard({ keys: undefined, ...settings }),
    ],
  });
  const rpcOptions = {
    logger: settings.logger,
    logText: settings.logText,
    allowsFaults: settings.allowsFaults,
    metrics: settings.metrics,
    tracer: settings.tracer,
    stallLimitMs: settings.stallLimitMs,
    closing: closing.signal,
  };
  const services = createServices(engine, { running, health, usage: new KeyUsage() }, rpcOptions);
  for (const rpcs of services) addService(server, rpcs);

  const hurry = new AbortController();
  const shutDown = async (graceMs: number) => {
    health.drain();
    const { drainDelayMs } = settings;
    if (drainDelayMs > 0) await sleep(drainDelayMs, undefined, hurry).catch(() => undefined);
    running.refuse();
    await nextTurn(); // In which every Watch sends its last NOT_SERVING.
    await Promise.race([running.idle(), sleep(graceMs, undefined, hurry).catch(() => undefined)]);
    hurry.abort(); // Ends the sleep where all finished before it did.
    closing.abort(
      new EngineError('ENGINE_UNAVAILABLE', 'The service is shutting down.', {
        retryAfterMs: RETRY_AFTER_MS,
      }),
    );
    await closeServer(server);
    health.close();
  };
  let shutdown: Promise<void> | undefined;
  const drain = (graceMs: number) => {
    shutdown ??= shutDown(graceMs);
    return shutdown;
  };

  return {
    async listen() {
      const { gatewaySocketPath: socketPath } = settings;
      if (socketPath !== undefined) await bindServer(server, { ...settings, socketPath });
      return bindServer(server, settings);
    },
    drain,
    close() {
      hurry.abort();
      return drain(0);
    },
    get runningRequests() {
      return running.size;
    },
  };
}

interface SharedState {
  readonly running: RunningRequests;
  readonly health: ServiceHealth;
  readonly usage: KeyUsage;
}

function createServices(engine: Engine, { running, health, usage }: SharedState, options: RpcOptions) {
  const reflection = createReflectionRpcs(options);
  return [
    createCompletionRpcs({ engine, running, usage }, options),
    createModelsRpcs(engine, options),
    createTokenizerRpcs(engine, options),
    createHealthRpcs(health, options),
    reflection.v1,
    reflection.v1alpha,
  ];
}

function addService(server: Server, rpcs: Readonly<Record<string, Rpc>>): void {
  const entries = Object.entries(rpcs);
  server.addService(
    Object.fromEntries(entries.map(([name, { definition }]) => [name, definition])),
    Object.fromEntries(entries.map(([name, { handler }]) => [name, handler])),
  );
}

function channelOptions(settings: GrpcServerOptions & typeof GRPC_SERVER_DEFAULTS): ChannelOptions {
  const { maxConnectionAgeMs } = settings;
  return {
    ...(maxConnectionAgeMs !== undefined && { 'grpc.max_connection_age_ms': maxConnectionAgeMs }),
    // It would count every message, for a service that nobody asks.
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': settings.maxMessageBytes,
    'grpc.max_concurrent_streams': settings.maxConcurrentStreams,
    'grpc.keepalive_time_ms': settings.keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': settings.keepaliveTimeoutMs,
  };
}

/**
 * Closes listener and connections once their calls have ended; after the settle time, in any case. It then does not
 * wait for grpc-js to say so: it would for ever where a peer vanished and its connection is only half closed.
 */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, SETTLE_MS);
    server.tryShutdown((error) => {
      clearTimeout(timer);
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
