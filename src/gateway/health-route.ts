import type { RequestHandler } from 'express';
import { ERROR_CATALOGUE } from '../contract/error-catalogue.js';
import type { Model } from '../contract/gen/linnet/v1/models.js';
import { GatewayError, toErrorBody, toErrorHeaders } from './gateway-error.js';
import type { Lifecycle } from './lifecycle.js';
import { toModel } from './models-route.js';
import type { StatusClient } from './status-client.js';

/** Answers that the process runs. */
export const liveRoute: RequestHandler = (_request, response) => {
  response.json({ status: 'ok' });
};

/**
 * Makes the handler of `GET /health` and `GET /health/ready`: 200 where the engine answers, serves, and the gateway
 * does not drain; else 503 with the reason.
 */
export function createHealthRoute(status: StatusClient, lifecycle: Lifecycle): RequestHandler {
  return async (_request, response) => {
    response.set('cache-control', 'no-store');
    try {
      const models = (await checkEngine(status, lifecycle)).map(toModel);
      response.json({ status: 'ok', model: models[0] ?? null, models });
    } catch (caught) {
      const error = GatewayError.from(caught);
      response.status(503).set(toErrorHeaders(error));
      response.json({ status: 'unavailable', ...toErrorBody(error) });
    }
  };
}

async function checkEngine(status: StatusClient, lifecycle: Lifecycle) {
  if (lifecycle.draining) throw unavailable('The gateway shuts down.');
  const [serving, models] = await Promise.all([status.isServing(), status.listModels()]);
  if (!serving) throw notServing(models[0]);
  return models;
}

/** Says why: the engine serves unless all its models failed to load, or it shuts down. */
function notServing(model: Model | undefined): GatewayError {
  if (model !== undefined && model.error !== '') {
    return new GatewayError(ERROR_CATALOGUE.MODEL_LOAD_FAILED, model.error);
  }
  return unavailable('The engine answers, but is not ready to serve: it starts or shuts down.');
}

function unavailable(message: string): GatewayError {
  return new GatewayError(ERROR_CATALOGUE.ENGINE_UNAVAILABLE, message);
}
