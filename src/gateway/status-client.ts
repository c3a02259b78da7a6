import { type CallOptions, credentials, type Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  type GetModelResponse,
  type ListModelsResponse,
  type Model,
  ModelsClient,
} from '../contract/gen/linnet/v1/models.js';
import { toMetadata } from './call-metadata.js';
import type { EngineChannels } from './engine-channels.js';
import { toGatewayError } from './engine-failure.js';

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

type Callback<T> = (error: ServiceError | null, response: T) => void;
type Start<T> = (metadata: Metadata, options: Partial<CallOptions>, callback: Callback<T>) => unknown;

/**
 * Makes a client over the engine's channels.
 *
 * @param timeoutMs how long the engine has to answer.
 */
export function createStatusClient(channels: EngineChannels, timeoutMs: number): StatusClient {
  const models = () =>
    new ModelsClient(channels.address, credentials.createInsecure(), { channelOverride: channels.next() });
  const ask = <T>(apiKey: string | undefined, start: Start<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      start(toMetadata({ apiKey }), { deadline: Date.now() + timeoutMs }, (error, response) => {
        if (error === null) resolve(response);
        else reject(toGatewayError(error, channels.address));
      });
    });
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
