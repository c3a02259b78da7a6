import type { RequestHandler } from 'express';
import { ERROR_CATALOGUE } from '../../contract/error-catalogue.js';
import type { Model } from '../../contract/gen/linnet/v1/models.js';
import { GatewayError, toErrorBody, toErrorHeaders } from '../errors/gateway-error.js';
import { apiKeyOf } from '../http/key-guard.js';
import type { Lifecycle } from '../lifecycle.js';
import type { EngineHealth } from '../upstream/engine-health.js';
import type { StatusClient } from '../upstream/status-client.js';
import { toModel } from './models-route.js';

/** Answers that the process runs. */
export const liveRoute: RequestHandler = (_request, response) => {
  response.json({ status: 'ok' });
};

/** What the route needs. */
export interface HealthRouteDeps {
  readonly status: StatusClient;
  readonly health: EngineHealth;
  readonly lifecycle: Lifecycle;
}

/**
 * Makes the handler of `GET /health` and `GET /health/ready`: 200 where the engine answers, serves, and the gateway
 * does not drain; else 503 with the reason. It needs no API key, but without one it doesn't tell of the model where the
 * engine asks for keys.
 */
export function createHealthRoute(deps: HealthRouteDeps): RequestHandler {
  return async (request, response) => {
    response.set('cache-control', 'no-store');
    try {
      const models = (await checkEngine(deps, apiKeyOf(request))).map(toModel);
      response.json({ status: 'ok', model: models[0] ?? null, models });
    } catch (caught) {
      const error = GatewayError.from(caught);
      response.status(503).set(toErrorHeaders(error));
      response.json({ status: 'unavailable', ...toErrorBody(error) });
    }
  };
}

async function checkEngine({ status, health, lifecycle }: HealthRouteDeps, apiKey: string | undefined) {
  if (lifecycle.draining) throw unavailable('The gateway shuts down.');
  const [serving, models] = await Promise.all([health.isServing(), listModels(status, apiKey)]);
  if (!serving) throw notServing(models[0]);
  return models;
}

async function listModels(status: StatusClient, apiKey: string | undefined): Promise<readonly Model[]> {
  try {
    return await status.listModels(apiKey);
  } catch (caught) {
    if (GatewayError.from(caught).kind.http === 401) return [];
    throw caught;
  }
}

/** Says why: the engine serves unless all its models failed to load, or it shuts down. */
function notServing(model: Model | undefined): GatewayError {
  if (model !== undefined && model.error !== '') {
    return new GatewayError(ERROR_CATALOGUE.MODEL_LOAD_FAILED, model.error);
  }
  return unavailable(
    'The engine answers, but is not ready to serve: it starts, shuts down, or makes no progress.',
  );
}

function unavailable(message: string): GatewayError {
  return new GatewayError(ERROR_CATALOGUE.ENGINE_UNAVAILABLE, message);
}
