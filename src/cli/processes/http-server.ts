import { resolve } from 'node:path';
import { parseGatewayConfig } from '../../gateway/gateway-config.js';
import { createGateway, type Gateway, type GatewayDeps } from '../../gateway/server.js';
import { toHttpUrl } from '../settings/server-addresses.js';
import type { Settings } from '../settings/settings.js';
import { VERSION } from '../version.js';
import { toListenError } from './listen-error.js';

/** A gateway that listens. */
export interface HttpServer {
  readonly gateway: Gateway;
  /** Where it can be reached. */
  readonly url: string;
}

/**
 * Starts the gateway as the settings say.
 *
 * @throws CliError where the port or the address can't be had.
 */
export async function listenOnHttp(
  settings: Settings,
  deps: Omit<GatewayDeps, 'version'>,
): Promise<HttpServer> {
  const { host, httpPort, httpSocket, engineAddress, drainDelayMs } = settings;
  const socketPath = httpSocket && resolve(httpSocket);
  const config = parseGatewayConfig({
    ...{ host, port: httpPort, socketPath, engineAddress, drainDelayMs },
    maxBodyBytes: settings.maxRequestBytes,
    maxHeaderBytes: settings.maxMetadataBytes,
    exposeMetrics: settings.metricsPort === undefined,
  });
  const gateway = createGateway(config, { ...deps, version: VERSION });
  try {
    const { port = httpPort } = await gateway.listen();
    return { gateway, url: toHttpUrl(settings, port) };
  } catch (error) {
    throw toListenError(error, { host, port: httpPort, portSetting: 'httpPort', socketPath });
  }
}
