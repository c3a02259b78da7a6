import type { Command } from 'commander';
import { isColorful, renderBanner } from '../banner.js';
import { EngineProcess } from '../engine-process.js';
import { findModels, toModelSetting } from '../find-models.js';
import { listenOnHttp } from '../http-server.js';
import { createLog } from '../log.js';
import { summarizeModel } from '../model-summary.js';
import { toReachableAddress } from '../network-address.js';
import type { ResolvedSettings } from '../resolve-settings.js';
import { addSettingOptions, settingsOf } from '../setting-options.js';
import { SETTING_KEYS, toEnvironment } from '../settings.js';
import { shutDownOnSignal } from '../shutdown.js';
import { VERSION } from '../version.js';

/** How much longer than its own grace the engine process may take to end. */
const END_MARGIN_MS = 5000;

/**
 * Each thread of a worker would get an arena of its own from glibc, and keep in it what a model's unloading frees: with two
 * for all of them the memory of gpt2 at q8 stays at 300 MB over any number of loads, and not at 600.
 */
const ENGINE_ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };

/** Adds `linnet serve`: the gateway in this process, the engine in one of its own. */
export function addServeCommand(program: Command): void {
  const command = program.command('serve').description('Serve a model over HTTP and gRPC.');
  const keys = SETTING_KEYS.filter((key) => key !== 'engineAddress');
  addSettingOptions(command, keys).action(() => runServe(settingsOf(command, process.env)));
}

async function runServe({ settings, origins }: ResolvedSettings): Promise<void> {
  const { host, drainGraceMs } = settings;
  const log = createLog(settings.logLevel, process);
  const report = { output: process.stderr, writeLine: (line: string) => log.info(line) };
  const models = toModelSetting(await findModels({ settings, origins }, report));
  const engine = new EngineProcess({
    script: new URL('../main.js', import.meta.url),
    args: ['engine'],
    environment: { ...ENGINE_ENVIRONMENT, ...process.env, ...toEnvironment({ ...settings, models }) },
    endTimeoutMs: drainGraceMs + END_MARGIN_MS,
    log,
  });
  const { port: grpcPort, ready } = await engine.start();
  const engineAddress = toReachableAddress(host, grpcPort);
  try {
    const { gateway, port: httpPort } = await listenOnHttp({ ...settings, engineAddress }, log);
    const drain = async () => {
      await gateway.drain(drainGraceMs);
      await engine.end();
    };
    shutDownOnSignal({ drain, force: () => engine.kill() }, log, process);
    const facts = {
      version: VERSION,
      host,
      httpPort,
      grpcPort,
      engineAddress: undefined,
      models: (await ready).map(summarizeModel),
    };
    process.stdout.write(renderBanner(facts, isColorful(process.stdout, process.env)));
  } catch (error) {
    engine.kill();
    throw error;
  }
}
