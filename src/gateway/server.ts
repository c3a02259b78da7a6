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
import { createStatusClient } from './status-client.js';

/** A gateway that listens. */
export interface Gateway {
  /** The port that it listens on. */
  readonly port: number;
  /** Its address, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Takes no new connections, lets what runs finish within the grace, ends the rest with an error, and closes. */
  drain(): Promise<void>;
  /** Ends what runs with an error, and closes. Also of use while a drain waits. */
  close(): Promise<void>;
}

/** What the gateway gets besides its settings. */
export interface GatewayDeps {
  readonly logger: Logger;
  /** The version of the package. */
  readonly version: string;
}

/** How long the error at the end of a cut stream has to leave. */
const CUT_OFF_GRACE_MS = 1000;

/**
 * Starts the gateway. It does not wait for the engine.
 *
 * @throws Error where it can't listen, with the system's code (`EADDRINUSE`).
 */
export async function startGateway(
  config: GatewayConfig,
  { logger, version }: GatewayDeps,
): Promise<Gateway> {
  const channels = new EngineChannels(config.engineAddress, config.numChannels);
  const lifecycle = new Lifecycle();
  const completions = createCompletionClient(channels, config.cancelGraceMs);
  const status = createStatusClient(channels, config.statusTimeoutMs);
  const app = createApp({ completions, status, config, lifecycle, logger, version });
  const server = createServer(
    {
      // Longer than load balancers keep an idle connection, or they send a request into one that closes.
      keepAliveTimeout: 72_000,
      headersTimeout: 75_000,
      requestTimeout: 90_000,
    },
    app,
  );
  const connections = trackConnections(server);
  try {
    server.listen(config.port, config.host);
    await once(server, 'listening');
  } catch (error) {
    channels.close();
    throw error;
  }
  const closed = once(server, 'close').then(() => channels.close());
  const stop = (graceMs: number) => {
    lifecycle.beginDrain();
    if (server.listening) server.close();
    connections.closeWhenIdle();
    const cutOff = setTimeout(() => lifecycle.beginCutOff(), graceMs);
    const cutConnections = setTimeout(() => server.closeAllConnections(), graceMs + CUT_OFF_GRACE_MS);
    return closed.finally(() => {
      clearTimeout(cutOff);
      clearTimeout(cutConnections);
    });
  };
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    drain: () => stop(config.drainGraceMs),
    close: () => stop(0),
  };
}
