import { credentials } from '@grpc/grpc-js';
import {
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthClient,
} from '../contract/gen/grpc/health/v1/health.js';
import {
  type GetModelResponse,
  type ListModelsResponse,
  type Model,
  ModelsClient,
} from '../contract/gen/linnet/v1/models.js';
import type { EngineChannels } from './engine-channels.js';
import { callUnary, type StartUnaryCall } from './unary-call.js';

/** Asks the engine what it can answer at once. Every call throws a GatewayError where it fails or takes too long. */
export interface StatusClient {
  /** Lists the models, the default one first. */
  listModels(): Promise<readonly Model[]>;
  /** Gets one model. Unknown: 404. */
  getModel(id: string): Promise<Model>;
  /** Tells whether the engine's health service says SERVING. */
  isServing(): Promise<boolean>;
}

/**
 * Makes a client over the engine's channels.
 *
 * @param timeoutMs how long the engine has to answer.
 */
export function createStatusClient(channels: EngineChannels, timeoutMs: number): StatusClient {
  const clientOptions = () => ({ channelOverride: channels.next() });
  const models = () => new ModelsClient(channels.address, credentials.createInsecure(), clientOptions());
  const health = () => new HealthClient(channels.address, credentials.createInsecure(), clientOptions());
  const ask = <T>(start: StartUnaryCall<T>) => callUnary(channels, start, { timeoutMs });
  return {
    async listModels() {
      const response = await ask<ListModelsResponse>((metadata, options, done) =>
        models().listModels({}, metadata, options, done),
      );
      return response.models;
    },
    async getModel(id) {
      const { model } = await ask<GetModelResponse>((metadata, options, done) =>
        models().getModel({ id }, metadata, options, done),
      );
      if (model === undefined) throw new Error('GetModel answered without a model.');
      return model;
    },
    async isServing() {
      const response = await ask<HealthCheckResponse>((metadata, options, done) =>
        health().check({ service: '' }, metadata, options, done),
      );
      return response.status === HealthCheckResponse_ServingStatus.SERVING;
    },
  };
}
