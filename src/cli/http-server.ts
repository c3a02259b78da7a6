import { parseGatewayConfig } from '../gateway/gateway-config.js';
import { type Gateway, startGateway } from '../gateway/server.js';
import { toListenError } from './listen-error.js';
import type { Log } from './log.js';
import type { Settings } from './settings.js';
import { VERSION } from './version.js';

/**
 * Starts the gateway as the settings say.
 *
 * @throws CliError where the port or the address can't be had.
 */
export async function listenOnHttp(settings: Settings, log: Log): Promise<Gateway> {
  const { host, httpPort: port, engineAddress, drainGraceMs } = settings;
  const config = parseGatewayConfig({ host, port, engineAddress, drainGraceMs });
  try {
    return await startGateway(config, { logger: log, version: VERSION });
  } catch (error) {
    throw toListenError(error, { host, port, portSetting: 'httpPort' });
  }
}
