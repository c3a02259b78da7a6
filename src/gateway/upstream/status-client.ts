import { credentials } from '@grpc/grpc-js';
import {
  type GetModelResponse,
  type ListModelsResponse,
  type Model,
  ModelsClient,
} from '../../contract/gen/linnet/v1/models.js';
import type { CallMetadata } from './call-metadata.js';
import type { EngineLink } from './engine-link.js';
import type { EnginePool } from './engine-pool.js';
import { callUnary, type StartUnaryCall } from './unary-call.js';

/**
 * Asks the engine what it can answer at once, for one of the gateway's clients. Every call throws a GatewayError where it fails
 * or takes too long.
 */
export interface StatusClient {
  /** Lists the models, the default one first. */
  listModels(caller: CallMetadata): Promise<readonly Model[]>;
  /** Gets one model. Unknown: 404. */
  getModel(id: string, caller: CallMetadata): Promise<Model>;
}

/**
 * Makes a client of the engines.
 *
 * @param timeoutMs how long an engine has to answer.
 */
export function createStatusClient(engines: EnginePool, timeoutMs: number): StatusClient {
  const models = ({ address, channels }: EngineLink) =>
    new ModelsClient(address, credentials.createInsecure(), { channelOverride: channels.next() });
  const ask = <T>(caller: CallMetadata, start: StartUnaryCall<T>) =>
    callUnary(engines, start, { ...caller, timeoutMs });
  return {
    async listModels(caller) {
      const response = await ask<ListModelsResponse>(caller, (engine, ...rest) =>
        models(engine).listModels({}, ...rest),
      );
      return response.models;
    },
    async getModel(id, caller) {
      const { model } = await ask<GetModelResponse>(caller, (engine, ...rest) =>
        models(engine).getModel({ id }, ...rest),
      );
      if (model === undefined) throw new Error('GetModel answered without a model.');
      return model;
    },
  };
}
