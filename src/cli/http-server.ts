import { parseGatewayConfig } from '../gateway/gateway-config.js';
import { createGateway, type Gateway } from '../gateway/server.js';
import { toListenError } from './listen-error.js';
import type { Log } from './log.js';
import type { Settings } from './settings.js';
import { VERSION } from './version.js';

/** A gateway that listens. */
export interface HttpServer {
  readonly gateway: Gateway;
  readonly port: number;
}

/**
 * Starts the gateway as the settings say.
 *
 * @throws CliError where the port or the address can't be had.
 */
export async function listenOnHttp(settings: Settings, log: Log): Promise<HttpServer> {
  const { host, httpPort, engineAddress } = settings;
  const config = parseGatewayConfig({ host, port: httpPort, engineAddress });
  const gateway = createGateway(config, { logger: log, version: VERSION });
  try {
    const { port } = await gateway.listen();
    return { gateway, port };
  } catch (error) {
    throw toListenError(error, { host, port: httpPort, portSetting: 'httpPort' });
  }
}
