import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { createEngine, type Engine, EngineError } from '../../engine/index.js';
import { ServiceMetrics } from '../../grpc/metrics/service-metrics.js';
import { createGrpcServer, type GrpcServer } from '../../grpc/server.js';
import { CliError } from '../cli-error.js';
import { findModels } from '../models/find-models.js';
import { summarizeModel } from '../models/model-summary.js';
import { endAtOnce } from '../processes/end-at-once.js';
import { toEngineLoad } from '../processes/engine-load.js';
import type { EngineAnswer, EngineQuestion } from '../processes/engine-message.js';
import { endHungEngine } from '../processes/hung-engine.js';
import { toListenError } from '../processes/listen-error.js';
import { exposeMetrics } from '../processes/metrics-listener.js';
import { logModels } from '../processes/model-trouble.js';
import { connectToParent, type ParentProcess } from '../processes/parent-process.js';
import { openServerSecurity } from '../processes/security.js';
import { shutDownOnSignal, shutDownWithParent } from '../processes/shutdown.js';
import { openTracing } from '../processes/tracing.js';
import { toEngineOptions } from '../settings/engine-options.js';
import type { ResolvedSettings } from '../settings/resolve-settings.js';
import { toGrpcTarget } from '../settings/server-addresses.js';
import { addSettingOptions, settingsOf } from '../settings/setting-options.js';
import { SETTING_KEYS, type SettingKey, type Settings } from '../settings/settings.js';
import { addExamples } from '../terminal/help-examples.js';
import { createLog, type Log } from '../terminal/log.js';
import { showQuantizationProgress } from '../terminal/quantization-progress.js';
import { showBanner } from '../terminal/show-banner.js';

const OF_THE_GATEWAY: readonly SettingKey[] = [
  ...(['engineAddress', 'engineCa', 'engineCert', 'engineKey', 'httpPort', 'httpSocket'] as const),
];

/** The option that is no setting: `linnet serve` says where its gateway comes in. */
interface EngineCommandOptions {
  readonly gatewaySocket?: string;
}

/** Adds `linnet engine`: the gRPC side alone. `linnet serve` runs it too, and hears of its progress. */
export function addEngineCommand(program: Command): void {
  const command = program.command('engine').description('Run the engine and its gRPC service alone.');
  addExamples(command, [
    ['Serve gRPC on another port:', 'linnet engine --grpc-port 50052'],
    [
      'Serve gRPC to other machines, with TLS:',
      'linnet engine --host 0.0.0.0 --tls-cert server.crt --tls-key server.key',
    ],
  ]);
  const keys = SETTING_KEYS.filter((key) => !OF_THE_GATEWAY.includes(key));
  addSettingOptions(command, keys)
    .addOption(new Option('--gateway-socket <path>').hideHelp())
    .action((options: EngineCommandOptions) =>
      runEngine(settingsOf(command, process.env), options.gatewaySocket),
    );
}

async function runEngine(resolved: ResolvedSettings, gatewaySocketPath: string | undefined): Promise<void> {
  const parent = connectToParent(process);
  try {
    await startEngine(resolved, { parent, gatewaySocketPath });
  } catch (error) {
    if (parent === undefined || !(error instanceof CliError)) throw error;
    await parent.tell({ type: 'failed', message: error.message });
    process.exit(error.exitCode);
  }
}

interface Surroundings {
  readonly parent: ParentProcess | undefined;
  readonly gatewaySocketPath: string | undefined;
}

async function startEngine(
  resolved: ResolvedSettings,
  { parent, gatewaySocketPath }: Surroundings,
): Promise<void> {
  const { settings } = resolved;
  const { preload, drainGraceMs } = settings;
  const log = createLog(settings, process);
  const report = { output: process.stderr, writeLine: (line: string) => log.info(line) };
  const metrics = new ServiceMetrics();
  const options = toEngineOptions(settings, await findModels(resolved, report));
  const engine = createEngine({
    ...options,
    observer: metrics.observer,
    onHung: (model) => void endHungEngine(model, { server, parent, log }),
  });
  metrics.watch(engine);
  logModels(engine, log);
  showQuantizationProgress(engine, report.output, report.writeLine);
  const tracer = await openTracing(settings, 'linnet-engine', log);
  const server = createGrpcServer(engine, {
    ...toServerOptions(settings),
    ...openServerSecurity(settings, log),
    logger: log,
    ...{ metrics, tracer, gatewaySocketPath },
    ...{ logText: settings.logText, allowsFaults: settings.allowFaults },
    preloads: preload,
    // `linnet serve` has waited already.
    drainDelayMs: parent === undefined ? settings.drainDelayMs : 0,
  });
  const port = await listenOnGrpc(server, settings);
  // With a parent it is the gateway that exposes them, beside its own.
  if (parent === undefined) await exposeMetrics(settings, () => metrics.render(), log);
  parent?.onQuestion(async (question) => parent.tell(await answer(question, engine, metrics)));
  await parent?.tell({ type: 'listening', port });

  const drain = async () => {
    await server.drain(drainGraceMs);
    await Promise.all([engine.close(), tracer?.close()]);
  };
  const shutDown = parent === undefined ? shutDownOnSignal : shutDownWithParent;
  shutDown({ drain, force: () => endAtOnce('SIGKILL') }, log, process);

  if (preload) await loadModel(engine, log);
  const models = engine.models();
  if (parent !== undefined) return parent.tell({ type: 'ready', models });
  const running = { httpUrl: undefined, grpcTarget: toGrpcTarget(settings, port), engineAddress: undefined };
  showBanner(settings, { ...running, models: models.map(summarizeModel) }, log);
}

async function answer(
  question: EngineQuestion,
  engine: Engine,
  metrics: ServiceMetrics,
): Promise<EngineAnswer> {
  if (question === 'metrics') return { type: 'answer', question, answer: await metrics.render() };
  return { type: 'answer', question, answer: toEngineLoad(engine.models(), metrics.generatedTokens) };
}

function toServerOptions(settings: Settings) {
  const { host, grpcPort, grpcSocket, maxRequestBytes, maxMetadataBytes } = settings;
  const { maxConcurrentStreams, maxConnectionAgeMs } = settings;
  return {
    ...{ host, port: grpcPort, socketPath: grpcSocket && resolve(grpcSocket) },
    ...{ maxMessageBytes: maxRequestBytes, maxMetadataBytes, maxConcurrentStreams, maxConnectionAgeMs },
  };
}

async function listenOnGrpc(server: GrpcServer, { host, grpcPort, grpcSocket }: Settings): Promise<number> {
  try {
    const { port } = await server.listen();
    return port ?? grpcPort;
  } catch (error) {
    throw toListenError(error, { host, port: grpcPort, portSetting: 'grpcPort', socketPath: grpcSocket });
  }
}

async function loadModel(engine: Engine, log: Log): Promise<void> {
  const startedAt = performance.now();
  try {
    await engine.load();
  } catch (error) {
    if (error instanceof EngineError && error.reason === 'MODEL_LOAD_FAILED')
      throw new CliError(error.message);
    throw error;
  }
  const [model] = engine.models();
  log.info({ model: model?.id, ms: Math.round(performance.now() - startedAt) }, 'The model is loaded.');
}
