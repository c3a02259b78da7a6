import type { Command } from 'commander';
import { listenOnHttp } from '../processes/http-server.js';
import { exposeMetrics } from '../processes/metrics-listener.js';
import { openEngineTls, openServerSecurity } from '../processes/security.js';
import { shutDownOnSignal } from '../processes/shutdown.js';
import { openTracing } from '../processes/tracing.js';
import { addSettingOptions, settingsOf } from '../settings/setting-options.js';
import type { SettingKey, Settings } from '../settings/settings.js';
import { addExamples } from '../terminal/help-examples.js';
import { createLog } from '../terminal/log.js';
import { showBanner } from '../terminal/show-banner.js';

const KEYS: readonly SettingKey[] = [
  ...(['host', 'httpPort', 'httpSocket', 'engineAddress', 'engineCa', 'engineCert', 'engineKey'] as const),
  ...(['tlsCert', 'tlsKey', 'tlsClientCa', 'apiKeys', 'maxRequestBytes', 'maxMetadataBytes'] as const),
  ...(['drainGraceMs', 'drainDelayMs', 'metricsPort', 'otlpEndpoint', 'logLevel', 'logFormat'] as const),
];

/** Adds `linnet gateway`: the HTTP side alone, for an engine that runs elsewhere. */
export function addGatewayCommand(program: Command): void {
  const command = program
    .command('gateway')
    .description('Run the HTTP gateway alone, for an engine elsewhere.');
  addExamples(command, [
    ['Speak HTTP for an engine on this machine:', 'linnet gateway --engine-address 127.0.0.1:50052'],
    ['Speak HTTP for several behind one name:', 'linnet gateway --engine-address dns:///engine:50051'],
  ]);
  addSettingOptions(command, KEYS).action(() => runGateway(settingsOf(command, process.env).settings));
}

async function runGateway(settings: Settings): Promise<void> {
  const { engineAddress, drainGraceMs } = settings;
  const log = createLog(settings, process);
  const security = openServerSecurity(settings, log);
  const engineTls = openEngineTls(settings, log);
  const tracer = await openTracing(settings, 'linnet-gateway', log);
  const { gateway, url } = await listenOnHttp(settings, { ...security, engineTls, tracer, logger: log });
  await exposeMetrics(settings, gateway.renderMetrics, log);
  const drain = async () => {
    await gateway.drain(drainGraceMs);
    await tracer?.close();
  };
  shutDownOnSignal({ drain, force: () => undefined }, log, process);
  showBanner(settings, { httpUrl: url, grpcTarget: undefined, engineAddress, models: [] }, log);
}
