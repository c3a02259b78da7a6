import { listenForMetrics, type RenderMetrics } from '../../telemetry/metrics-server.js';
import { toReachableAddress } from '../settings/network-address.js';
import type { Settings } from '../settings/settings.js';
import type { Log } from '../terminal/log.js';
import { toListenError } from './listen-error.js';

/**
 * Serves metrics on the port of their own, where the settings have one, for as long as the process lives.
 *
 * @throws CliError where the port can't be had.
 */
export async function exposeMetrics(settings: Settings, render: RenderMetrics, log: Log): Promise<void> {
  const { host, metricsPort } = settings;
  if (metricsPort === undefined) return;
  try {
    const { port } = await listenForMetrics({ host, port: metricsPort }, render);
    log.info(`Metrics are at http://${toReachableAddress(host, port)}/metrics.`);
  } catch (error) {
    throw toListenError(error, { host, port: metricsPort, portSetting: 'metricsPort' });
  }
}
