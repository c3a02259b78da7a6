import { credentials } from '@grpc/grpc-js';
import {
  type GetModelResponse,
  type ListModelsResponse,
  type Model,
  ModelsClient,
} from '../../contract/gen/linnet/v1/models.js';
import type { EngineChannels } from './engine-channels.js';
import { callUnary, type StartUnaryCall } from './unary-call.js';

/**
 * Asks the engine what it can answer at once, with the client's API key. Every call throws a GatewayError where it fails
 * or takes too long.
 */
export interface StatusClient {
  /** Lists the models, the default one first. */
  listModels(apiKey: string | undefined): Promise<readonly Model[]>;
  /** Gets one model. Unknown: 404. */
  getModel(id: string, apiKey: string | undefined): Promise<Model>;
}

/**
 * Makes a client over the engine's channels.
 *
 * @param timeoutMs how long the engine has to answer.
 */
export function createStatusClient(channels: EngineChannels, timeoutMs: number): StatusClient {
  const models = () =>
    new ModelsClient(channels.address, credentials.createInsecure(), { channelOverride: channels.next() });
  const ask = <T>(apiKey: string | undefined, start: StartUnaryCall<T>) =>
    callUnary(channels, start, { timeoutMs, apiKey });
  return {
    async listModels(apiKey) {
      const response = await ask<ListModelsResponse>(apiKey, (...rest) => models().listModels({}, ...rest));
      return response.models;
    },
    async getModel(id, apiKey) {
      const { model } = await ask<GetModelResponse>(apiKey, (...rest) => models().getModel({ id }, ...rest));
      if (model === undefined) throw new Error('GetModel answered without a model.');
      return model;
    },
  };
}
