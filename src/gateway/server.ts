import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { KeyRing } from '../security/key-ring.js';
import type { PemStore } from '../security/pem-store.js';
import { createApp } from './app.js';
import { createCompletionClient } from './completion-client.js';
import { trackConnections } from './connections.js';
import { EngineChannels } from './engine-channels.js';
import { EngineHealth } from './engine-health.js';
import type { GatewayConfig } from './gateway-config.js';
import { createHttpServer, type GatewayAddress, listen } from './http-listener.js';
import { Lifecycle } from './lifecycle.js';
import { createStatusClient } from './status-client.js';

/** The HTTP gateway. */
export interface Gateway {
  /**
   * Begins to listen. It does not wait for the engine.
   *
   * @throws Error with the system's code where it can't (`EADDRINUSE`).
   */
  listen(): Promise<GatewayAddress>;

  /**
   * Shuts down with care: is not ready any more, after the drain delay takes no new connections, lets what runs finish,
   * ends with an error what has not after the grace, and closes. Idempotent; a later call does not change the grace.
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
  /** The certificates of the port; where they have authorities, clients must show one of theirs. Default: plain HTTP. */
  readonly tls?: PemStore | undefined;
  /** The certificates of the connections to the engine. Default: plaintext. */
  readonly engineTls?: PemStore | undefined;
  /** Whose callers are let in. Default: everybody is, as far as the engine goes. */
  readonly keys?: KeyRing | undefined;
}

/** How long the error at the end of a cut stream has to leave. */
const CUT_OFF_GRACE_MS = 1000;

/** Creates the gateway, with its connections to the engine. It does not own certificates and keys: close those after it. */
export function createGateway(config: GatewayConfig, deps: GatewayDeps): Gateway {
  const { tls, engineTls, keys, ...rest } = deps;
  const channels = new EngineChannels(config.engineAddress, config.numChannels, engineTls);
  const lifecycle = new Lifecycle();
  const completions = createCompletionClient(channels, config.cancelGraceMs);
  const status = createStatusClient(channels, config.statusTimeoutMs);
  const health = new EngineHealth(channels, { timeoutMs: config.statusTimeoutMs });
  const app = createApp({ ...rest, completions, status, health, keys, config, lifecycle });
  const server = createHttpServer(app, { tls, maxHeaderBytes: config.maxHeaderBytes });
  const connections = trackConnections(server);

  const shutDown = async (graceMs: number) => {
    lifecycle.beginDrain();
    const { drainDelayMs } = config;
    if (drainDelayMs > 0)
      await sleep(drainDelayMs, undefined, { signal: lifecycle.cutOff }).catch(() => undefined);
    const closed = new Promise((resolve) => server.close(resolve));
    connections.closeWhenIdle();
    const timer = setTimeout(() => lifecycle.beginCutOff(), graceMs);
    const onCutOff = () => setTimeout(() => server.closeAllConnections(), CUT_OFF_GRACE_MS).unref();
    lifecycle.cutOff.addEventListener('abort', onCutOff);
    if (lifecycle.cutOff.aborted) onCutOff();
    await closed;
    clearTimeout(timer);
    health.close();
    channels.close();
  };
  let shutdown: Promise<void> | undefined;
  const drain = (graceMs: number) => {
    shutdown ??= shutDown(graceMs);
    return shutdown;
  };

  return {
    listen: () => listen(server, config),
    drain,
    close() {
      const closed = drain(0);
      lifecycle.beginCutOff();
      return closed;
    },
  };
}
