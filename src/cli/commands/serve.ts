import type { Command } from 'commander';
import { findModels, toModelSetting } from '../models/find-models.js';
import { summarizeModel } from '../models/model-summary.js';
import { toEngineEnvironment } from '../processes/engine-environment.js';
import { EngineProcess } from '../processes/engine-process.js';
import { createGatewaySocket } from '../processes/gateway-socket.js';
import { listenOnHttp } from '../processes/http-server.js';
import { exposeMetrics } from '../processes/metrics-listener.js';
import { openServerSecurity } from '../processes/security.js';
import { shutDownOnSignal } from '../processes/shutdown.js';
import { openTracing } from '../processes/tracing.js';
import type { ResolvedSettings } from '../settings/resolve-settings.js';
import { toGrpcTarget } from '../settings/server-addresses.js';
import { addSettingOptions, settingsOf } from '../settings/setting-options.js';
import { SETTING_KEYS, type SettingKey, toEnvironment } from '../settings/settings.js';
import { addExamples } from '../terminal/help-examples.js';
import { showLoad } from '../terminal/load-line.js';
import { createLog } from '../terminal/log.js';
import { showBanner } from '../terminal/show-banner.js';

const OF_AN_ENGINE_ELSEWHERE: readonly SettingKey[] = [
  'engineAddress',
  'engineCa',
  'engineCert',
  'engineKey',
];

/** How much longer than its own grace the engine process may take to end. */
const END_MARGIN_MS = 5000;

/** Adds `linnet serve`: the gateway in this process, the engine in one of its own. */
export function addServeCommand(program: Command): void {
  const command = program.command('serve').description('Serve a model over HTTP and gRPC.');
  addExamples(command, [
    ['Serve the model that comes with it, loaded from the start:', 'linnet serve --preload'],
    ['Serve GPT-2 itself, from the Hugging Face Hub:', 'linnet serve --model gpt2'],
    [
      'Serve two models, to others too, for those who have a key:',
      'linnet serve --model gpt2 --model fable --host 0.0.0.0 --api-keys keys.json',
    ],
  ]);
  const keys = SETTING_KEYS.filter((key) => !OF_AN_ENGINE_ELSEWHERE.includes(key));
  addSettingOptions(command, keys).action(() => runServe(settingsOf(command, process.env)));
}

async function runServe({ settings, origins }: ResolvedSettings): Promise<void> {
  const { drainGraceMs, tlsCert, grpcSocket } = settings;
  const log = createLog(settings, process);
  const report = { output: process.stderr, writeLine: (line: string) => log.info(line) };
  const models = toModelSetting(await findModels({ settings, origins }, report));
  const security = openServerSecurity(settings, log);
  const tracer = await openTracing(settings, 'linnet-gateway', log);
  const socket = tlsCert !== undefined && grpcSocket === undefined ? createGatewaySocket(process) : undefined;
  const engine = new EngineProcess({
    script: new URL('../main.js', import.meta.url),
    args: ['engine', ...(socket === undefined ? [] : ['--gateway-socket', socket])],
    environment: { ...toEngineEnvironment(process.env), ...toEnvironment({ ...settings, models }) },
    endTimeoutMs: drainGraceMs + END_MARGIN_MS,
    log,
  });
  const { port, ready } = await engine.start();
  const grpcTarget = toGrpcTarget(settings, port);
  const engineAddress = socket === undefined ? grpcTarget : `unix:${socket}`;
  try {
    const { gateway, url } = await listenOnHttp(
      { ...settings, engineAddress },
      { ...security, logger: log, tracer, engineMetrics: () => engine.ask('metrics') },
    );
    await exposeMetrics(settings, gateway.renderMetrics, log);
    let hideLoad = () => {};
    const drain = async () => {
      hideLoad();
      await gateway.drain(drainGraceMs);
      await Promise.all([engine.end(), tracer?.close()]);
    };
    shutDownOnSignal({ drain, force: () => engine.kill() }, log, process);
    const running = { httpUrl: url, grpcTarget, engineAddress: undefined };
    showBanner(settings, { ...running, models: (await ready).map(summarizeModel) }, log);
    if (settings.logFormat === 'auto') hideLoad = showLoad(() => engine.ask('load'), process);
  } catch (error) {
    engine.kill();
    throw error;
  }
}
