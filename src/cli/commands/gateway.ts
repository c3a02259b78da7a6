import type { Command } from 'commander';
import { isColorful, renderBanner } from '../banner.js';
import { listenOnHttp } from '../http-server.js';
import { createLog } from '../log.js';
import { addSettingOptions, settingsOf } from '../setting-options.js';
import type { Settings } from '../settings.js';
import { shutDownOnSignal } from '../shutdown.js';
import { VERSION } from '../version.js';

/** Adds `linnet gateway`: the HTTP side alone, for an engine that runs elsewhere. */
export function addGatewayCommand(program: Command): void {
  const command = program
    .command('gateway')
    .description('Run the HTTP gateway alone, for an engine elsewhere.');
  addSettingOptions(command, ['host', 'httpPort', 'engineAddress', 'drainGraceMs', 'logLevel']).action(() =>
    runGateway(settingsOf(command, process.env).settings),
  );
}

async function runGateway(settings: Settings): Promise<void> {
  const { host, engineAddress, drainGraceMs, logLevel } = settings;
  const log = createLog(logLevel, process);
  const { gateway, port } = await listenOnHttp(settings, log);
  shutDownOnSignal({ drain: () => gateway.drain(drainGraceMs), force: () => undefined }, log, process);
  const facts = {
    version: VERSION,
    host,
    httpPort: port,
    grpcPort: undefined,
    engineAddress,
    models: [],
  };
  process.stdout.write(renderBanner(facts, isColorful(process.stdout, process.env)));
}
