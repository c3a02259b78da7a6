import type { RequestHandler } from 'express';
import { type Model, ModelState } from '../../contract/gen/linnet/v1/models.js';
import { callerOf } from '../http/request-caller.js';
import type { StatusClient } from '../upstream/status-client.js';
import type { ModelList, ModelObject, ModelStateName } from './status-schemas.js';

/** Makes the handler of `GET /v1/models`. */
export function createModelsRoute(status: StatusClient): RequestHandler {
  return async (request, response) => {
    const models = await status.listModels(callerOf(request, response));
    const list: ModelList = { object: 'list', data: models.map(toModel) };
    response.json(list);
  };
}

/** Makes the handler of `GET /v1/models/*id`; ids may hold slashes. */
export function createModelRoute(status: StatusClient): RequestHandler<{ id: string[] }> {
  return async (request, response) => {
    const id = request.params.id.join('/');
    response.json(toModel(await status.getModel(id, callerOf(request, response))));
  };
}

/** Makes OpenAI's model object; what follows `owned_by` is ours. */
export function toModel(model: Model): ModelObject {
  const { config } = model;
  return {
    id: model.id,
    object: 'model',
    created: Number(model.createdUnixSeconds),
    owned_by: 'linnet',
    state: toState(model.state),
    ...(model.error === '' ? {} : { error: model.error }),
    memory_bytes: Number(model.memoryBytes),
    ...(config && {
      context_length: config.contextLength,
      vocab_size: config.vocabSize,
      num_parameters: Number(config.numParameters),
      precision: config.precision,
    }),
  };
}

const STATE_NAMES = {
  [ModelState.UNSPECIFIED]: 'unknown',
  [ModelState.UNLOADED]: 'unloaded',
  [ModelState.LOADING]: 'loading',
  [ModelState.READY]: 'ready',
  [ModelState.FAILED]: 'failed',
} as const;

/** Says a model's state in one word. */
export function toState(state: ModelState): ModelStateName {
  return STATE_NAMES[state];
}
