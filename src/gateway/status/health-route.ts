import type { RequestHandler, Response } from 'express';
import { ERROR_CATALOGUE } from '../../contract/error-catalogue.js';
import type { Model } from '../../contract/gen/linnet/v1/models.js';
import { GatewayError, toErrorBody, toErrorHeaders } from '../errors/gateway-error.js';
import type { GatewayConfig } from '../gateway-config.js';
import { callerOf } from '../http/request-caller.js';
import type { Lifecycle } from '../lifecycle.js';
import type { CallMetadata } from '../upstream/call-metadata.js';
import type { EngineLink } from '../upstream/engine-link.js';
import type { EnginePool } from '../upstream/engine-pool.js';
import type { StatusClient } from '../upstream/status-client.js';
import { toModel } from './models-route.js';
import type { EngineObject } from './status-schemas.js';

/** Answers that the process runs, whatever the engines do: a gateway that is started again mends none of them. */
export const liveRoute: RequestHandler = (_request, response) => {
  response.json({ status: 'ok' });
};

/** Makes the handler of `GET /health/startup`: 200 once an engine has served, for good. */
export function createStartupRoute(engines: EnginePool): RequestHandler {
  return (_request, response) => {
    if (engines.hasServed) response.json({ status: 'ok' });
    else refuse(response, unavailable('No engine has served yet: it starts, or it can not be reached.'), []);
  };
}

/** What the route needs. */
export interface HealthRouteDeps {
  readonly status: StatusClient;
  readonly engines: EnginePool;
  readonly lifecycle: Lifecycle;
  readonly config: GatewayConfig;
  /** Whether an engine must have room in its queue, too. Default: it need not. */
  readonly needsRoom?: boolean;
}

/**
 * Makes the handler of `GET /health` and `GET /health/ready`: 200 where an engine answers, serves, and the gateway does not
 * drain; else 503 with the reason. It needs no API key, but without one it doesn't tell of models and engines where the
 * engines ask for keys.
 */
export function createHealthRoute(deps: HealthRouteDeps): RequestHandler {
  const { engines, config, lifecycle } = deps;
  return async (request, response) => {
    response.set('cache-control', 'no-store');
    if (lifecycle.draining) return refuse(response, unavailable('The gateway shuts down.'), []);
    await engines.settled(config.statusTimeoutMs);
    const models = await listModels(deps.status, callerOf(request, response));
    const shown = models === 'secret' ? [] : engines.links.map(toEngine);
    const known = models instanceof GatewayError || models === 'secret' ? [] : models;
    const trouble = troubleOf(deps, known) ?? (models instanceof GatewayError ? models : undefined);
    if (trouble !== undefined) return refuse(response, trouble, shown);
    const told = known.map(toModel);
    response.json({ status: 'ok', model: told[0] ?? null, models: told, engines: shown });
  };
}

function refuse(response: Response, error: GatewayError, engines: readonly EngineObject[]): void {
  response.status(503).set(toErrorHeaders(error));
  response.json({ status: 'unavailable', ...toErrorBody(error), engines });
}

async function listModels(status: StatusClient, caller: CallMetadata) {
  try {
    return await status.listModels(caller);
  } catch (caught) {
    const error = GatewayError.from(caught);
    return error.kind.http === 401 ? 'secret' : error;
  }
}

function troubleOf(
  { engines, needsRoom = false }: HealthRouteDeps,
  models: readonly Model[],
): GatewayError | undefined {
  const inUse = engines.links.filter(({ isRetired }) => !isRetired);
  const serving = inUse.filter(({ isServing }) => isServing);
  if (serving.length === 0) return notServing(inUse, models[0]);
  const isFull = serving.every(({ standing }) => standing === 'full');
  return needsRoom && isFull ? unavailable('The queue is full, of every engine that serves.') : undefined;
}

/** Says why: an engine serves unless all its models failed to load, it is stuck, or it shuts down. */
function notServing(engines: readonly EngineLink[], model: Model | undefined): GatewayError {
  if (model !== undefined && model.error !== '') {
    return new GatewayError(ERROR_CATALOGUE.MODEL_LOAD_FAILED, model.error);
  }
  const [first] = engines;
  if (engines.length > 1) return unavailable(`None of the ${engines.length} engines serves.`);
  if (first?.failure !== undefined) return first.failure;
  if (first?.standing === 'unknown')
    return unavailable(`The engine at ${first.address} did not answer in time.`);
  return unavailable(
    'The engine answers, but is not ready to serve: it starts, shuts down, or makes no progress.',
  );
}

function toEngine({ address, standing, failure, outstanding }: EngineLink): EngineObject {
  const state = failure === undefined ? STATE_NAMES[standing] : 'unreachable';
  return { address, state, outstanding };
}

const STATE_NAMES = { ready: 'ready', full: 'full', unknown: 'unknown', sick: 'not_serving' } as const;

function unavailable(message: string): GatewayError {
  return new GatewayError(ERROR_CATALOGUE.ENGINE_UNAVAILABLE, message);
}
