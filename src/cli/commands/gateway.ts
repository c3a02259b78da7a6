import type { Command } from 'commander';
import { listenOnHttp } from '../http-server.js';
import { createLog } from '../log.js';
import { exposeMetrics } from '../metrics-listener.js';
import { openEngineTls, openServerSecurity } from '../security.js';
import { addSettingOptions, settingsOf } from '../setting-options.js';
import type { SettingKey, Settings } from '../settings.js';
import { showBanner } from '../show-banner.js';
import { shutDownOnSignal } from '../shutdown.js';

const KEYS: readonly SettingKey[] = [
  ...(['host', 'httpPort', 'httpSocket', 'engineAddress', 'engineCa', 'engineCert', 'engineKey'] as const),
  ...(['tlsCert', 'tlsKey', 'tlsClientCa', 'apiKeys', 'maxRequestBytes', 'maxMetadataBytes'] as const),
  ...(['drainGraceMs', 'drainDelayMs', 'metricsPort', 'logLevel'] as const),
];

/** Adds `linnet gateway`: the HTTP side alone, for an engine that runs elsewhere. */
export function addGatewayCommand(program: Command): void {
  const command = program
    .command('gateway')
    .description('Run the HTTP gateway alone, for an engine elsewhere.');
  addSettingOptions(command, KEYS).action(() => runGateway(settingsOf(command, process.env).settings));
}

async function runGateway(settings: Settings): Promise<void> {
  const { engineAddress, drainGraceMs, logLevel } = settings;
  const log = createLog(logLevel, process);
  const security = openServerSecurity(settings, log);
  const engineTls = openEngineTls(settings, log);
  const { gateway, url } = await listenOnHttp(settings, { ...security, engineTls, logger: log });
  await exposeMetrics(settings, gateway.renderMetrics, log);
  shutDownOnSignal({ drain: () => gateway.drain(drainGraceMs), force: () => undefined }, log, process);
  showBanner(settings, { httpUrl: url, grpcTarget: undefined, engineAddress, models: [] }, log);
}
