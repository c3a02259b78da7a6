import type { Command } from 'commander';
import { createEngine, type Engine, EngineError } from '../../engine/index.js';
import { createGrpcServer, type GrpcServer } from '../../grpc/server.js';
import { isColorful, renderBanner } from '../banner.js';
import { CliError } from '../cli-error.js';
import { toEngineOptions } from '../engine-options.js';
import { findModels } from '../find-models.js';
import { toListenError } from '../listen-error.js';
import { createLog, type Log } from '../log.js';
import { summarizeModel } from '../model-summary.js';
import { connectToParent, type ParentProcess } from '../parent-process.js';
import { showQuantizationProgress } from '../quantization-progress.js';
import type { ResolvedSettings } from '../resolve-settings.js';
import { addSettingOptions, settingsOf } from '../setting-options.js';
import { SETTING_KEYS, type Settings } from '../settings.js';
import { shutDownOnSignal, shutDownWithParent } from '../shutdown.js';
import { VERSION } from '../version.js';

/** Adds `linnet engine`: the gRPC side alone. `linnet serve` runs it too, and hears of its progress. */
export function addEngineCommand(program: Command): void {
  const command = program.command('engine').description('Run the engine and its gRPC service alone.');
  const keys = SETTING_KEYS.filter((key) => key !== 'engineAddress' && key !== 'httpPort');
  addSettingOptions(command, keys).action(() => runEngine(settingsOf(command, process.env)));
}

async function runEngine(resolved: ResolvedSettings): Promise<void> {
  const parent = connectToParent(process);
  try {
    await startEngine(resolved, parent);
  } catch (error) {
    if (parent === undefined || !(error instanceof CliError)) throw error;
    await parent.tell({ type: 'failed', message: error.message });
    process.exit(error.exitCode);
  }
}

async function startEngine(resolved: ResolvedSettings, parent: ParentProcess | undefined): Promise<void> {
  const { settings } = resolved;
  const { host, grpcPort, preload, drainGraceMs } = settings;
  const log = createLog(settings.logLevel, process);
  const report = { output: process.stderr, writeLine: (line: string) => log.info(line) };
  const engine = createEngine(toEngineOptions(settings, await findModels(resolved, report)));
  showQuantizationProgress(engine, report.output, report.writeLine);
  const server = createGrpcServer(engine, { logger: log, host, port: grpcPort });
  const port = await listenOnGrpc(server, settings);
  await parent?.tell({ type: 'listening', port });

  const drain = async () => {
    await server.drain(drainGraceMs);
    await engine.close();
  };
  const shutDown = parent === undefined ? shutDownOnSignal : shutDownWithParent;
  shutDown({ drain, force: () => undefined }, log, process);

  if (preload) await loadModel(engine, log);
  const models = engine.models();
  if (parent !== undefined) return parent.tell({ type: 'ready', models });
  const facts = {
    version: VERSION,
    host,
    httpPort: undefined,
    grpcPort: port,
    engineAddress: undefined,
    models: models.map(summarizeModel),
  };
  process.stdout.write(renderBanner(facts, isColorful(process.stdout, process.env)));
}

async function listenOnGrpc(server: GrpcServer, { host, grpcPort }: Settings): Promise<number> {
  try {
    const { port } = await server.listen();
    return port ?? grpcPort;
  } catch (error) {
    throw toListenError(error, { host, port: grpcPort, portSetting: 'grpcPort' });
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
