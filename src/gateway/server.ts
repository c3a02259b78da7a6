import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { KeyRing } from '../security/key-ring.js';
import type { PemStore } from '../security/pem-store.js';
import { joinExpositions } from '../telemetry/exposition.js';
import type { RenderMetrics } from '../telemetry/metrics-server.js';
import type { Tracer } from '../telemetry/tracer.js';
import { createApp } from './app.js';
import type { GatewayConfig } from './gateway-config.js';
import { GatewayMetrics } from './gateway-metrics.js';
import { trackConnections } from './http/connections.js';
import { createHttpServer, type GatewayAddress, listen } from './http/http-listener.js';
import { Lifecycle } from './lifecycle.js';
import { createCompletionClient } from './upstream/completion-client.js';
import { EnginePool } from './upstream/engine-pool.js';
import { createScoreClient } from './upstream/score-client.js';
import { createStatusClient } from './upstream/status-client.js';
import { createTokenizerClient } from './upstream/tokenizer-client.js';

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

  /** Writes the metrics of the gateway, and of the engine that was started with it, in Prometheus' text format. */
  readonly renderMetrics: RenderMetrics;
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
  /** Where traces go; close it after the gateway. Default: nowhere. */
  readonly tracer?: Tracer | undefined;
  /**
   * What an engine of the same service exposes, which joins the gateway's own metrics; undefined while there is nothing.
   * Default: the engine is scraped by itself.
   */
  readonly engineMetrics?: (() => Promise<string | undefined>) | undefined;
  /** Finds a host's addresses. Default: as the system does. */
  readonly resolve?: ((host: string) => Promise<readonly string[]>) | undefined;
}

/** How long the error at the end of a cut stream has to leave. */
const CUT_OFF_GRACE_MS = 1000;

/** Creates the gateway, with its connections to the engines. It does not own certificates and keys: close those after it. */
export function createGateway(config: GatewayConfig, deps: GatewayDeps): Gateway {
  const { tls, engineTls, keys, engineMetrics, resolve, tracer, ...rest } = deps;
  const lifecycle = new Lifecycle();
  const engines = new EnginePool(config.engineAddress.split(','), {
    ...{ numChannels: config.numChannels, resolveIntervalMs: config.resolveIntervalMs },
    ...{ tls: engineTls, resolve },
    onResolveFailure: (name, err) =>
      deps.logger.warn({ err, name }, 'The name of the engines does not resolve; those known go on.'),
  });
  const metrics = new GatewayMetrics();
  metrics.watchEngines(() => engines.links);
  const renderMetrics = async () => {
    const texts = await Promise.all([metrics.render(), engineMetrics?.()]);
    return joinExpositions(texts.filter((text) => text !== undefined));
  };
  const clients = {
    completions: createCompletionClient(engines, { cancelGraceMs: config.cancelGraceMs, metrics }),
    scores: createScoreClient(engines, config.cancelGraceMs),
    tokenizer: createTokenizerClient(engines),
    status: createStatusClient(engines, config.statusTimeoutMs),
  };
  const app = createApp({
    ...{ ...rest, ...clients, engines, keys, config, lifecycle, metrics, tracer },
    renderMetrics: config.exposeMetrics ? renderMetrics : undefined,
  });
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
    engines.close();
  };
  let shutdown: Promise<void> | undefined;
  const drain = (graceMs: number) => {
    shutdown ??= shutDown(graceMs);
    return shutdown;
  };

  return {
    listen: () => listen(server, config),
    drain,
    renderMetrics,
    close() {
      const closed = drain(0);
      lifecycle.beginCutOff();
      return closed;
    },
  };
}
