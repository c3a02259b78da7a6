import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { createApp } from './app.js';
import { createCompletionClient } from './completion-client.js';
import { trackConnections } from './connections.js';
import { EngineChannels } from './engine-channels.js';
import type { GatewayConfig } from './gateway-config.js';
import { Lifecycle } from './lifecycle.js';
import { createScoreClient } from './score-client.js';
import { createStatusClient } from './status-client.js';
import { createTokenizerClient } from './tokenizer-client.js';

/** Where a gateway listens. */
export interface GatewayAddress {
  /** Such as `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly port: number;
}

/** The HTTP gateway. */
export interface Gateway {
  /**
   * Begins to listen. It does not wait for the engine.
   *
   * @throws Error with the system's code where it can't (`EADDRINUSE`).
   */
  listen(): Promise<GatewayAddress>;

  /**
   * Shuts down with care: is not ready any more, takes no new connections, lets what runs finish, ends with an error
   * what has not after the grace, and closes. Idempotent; a later call does not change the grace.
   */
  drain(graceMs: number): Promise<void>;

  /** Shuts down at once, also where it drains already: what runs ends with an error. Idempotent. */
  close(): Promise<void>;
}

/** What the gateway gets besides its settings. */
export interface GatewayDeps {
  readonly logger: Logger;
  /** The version of the package. */
  readonly version: string;
}

// Longer than load balancers keep an idle connection, or they send a request into one that closes.
const TIMEOUTS = { keepAliveTimeout: 72_000, headersTimeout: 75_000, requestTimeout: 90_000 };

/** How long the error at the end of a cut stream has to leave. */
const CUT_OFF_GRACE_MS = 1000;

/** Creates the gateway, with its connections to the engine. */
export function createGateway(config: GatewayConfig, { logger, version }: GatewayDeps): Gateway {
  const channels = new EngineChannels(config.engineAddress, config.numChannels);
  const lifecycle = new Lifecycle();
  const scoreChannels = new EngineChannels(config.engineAddress, 1);
  const clients = {
    completions: createCompletionClient(channels, config.cancelGraceMs),
    scores: createScoreClient(scoreChannels),
    tokenizer: createTokenizerClient(channels),
    status: createStatusClient(channels, config.statusTimeoutMs),
  };
  const server = createServer(TIMEOUTS, createApp({ ...clients, config, lifecycle, logger, version }));
  const connections = trackConnections(server);

  const shutDown = async (graceMs: number) => {
    lifecycle.beginDrain();
    const closed = new Promise((resolve) => server.close(resolve));
    connections.closeWhenIdle();
    const timer = setTimeout(() => lifecycle.beginCutOff(), graceMs);
    lifecycle.cutOff.addEventListener('abort', () => {
      setTimeout(() => server.closeAllConnections(), CUT_OFF_GRACE_MS).unref();
    });
    await closed;
    clearTimeout(timer);
    channels.close();
    scoreChannels.close();
  };
  let shutdown: Promise<void> | undefined;
  const drain = (graceMs: number) => {
    shutdown ??= shutDown(graceMs);
    return shutdown;
  };

  return {
    async listen() {
      server.listen(config.port, config.host);
      await once(server, 'listening');
      const { address, family, port } = server.address() as AddressInfo;
      return { port, url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}` };
    },
    drain,
    close() {
      const closed = drain(0);
      lifecycle.beginCutOff();
      return closed;
    },
  };
}
