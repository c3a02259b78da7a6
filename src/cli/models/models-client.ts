import { credentials } from '@grpc/grpc-js';
import {
  ModelsClient as GrpcModelsClient,
  type ListModelsResponse,
  type LoadModelResponse,
  type UnloadModelResponse,
} from '../../contract/gen/linnet/v1/models.js';
import { EngineChannels } from '../../gateway/upstream/engine-channels.js';
import { callUnary, type StartUnaryCall } from '../../gateway/upstream/unary-call.js';
import type { RemoteService } from '../processes/remote-service.js';

/** Asks a service that runs for its models. Every call throws a GatewayError where it fails. */
export interface ModelsClient {
  /** Lists the models, the default one first. */
  list(): Promise<ListModelsResponse>;
  /** Loads a model and waits for it, however long that takes. */
  load(id: string): Promise<void>;
  /** Frees a model's memory. */
  unload(id: string): Promise<void>;
  /** Ends the connection. */
  close(): void;
}

/** How long a service may take to answer what needs no loading. Milliseconds. */
const ANSWER_LIMIT_MS = 5000;

/** Makes a client of a service. */
export function createModelsClient({ address, tls, apiKey }: RemoteService): ModelsClient {
  const channels = new EngineChannels(address, 1, tls);
  const client = new GrpcModelsClient(address, credentials.createInsecure(), {
    channelOverride: channels.next(),
  });
  const ask = <T>(start: StartUnaryCall<T>, timeoutMs?: number) =>
     callUnary(channels, start, { timeoutMs, apiKey });
  return {
    list: () =>
      ask<ListModelsResponse>(
        (metadata, options, done) => client.listModels({}, metadata, options, done),
        ANSWER_LIMIT_MS,
      ),
    async load(id) {
      await ask<LoadModelResponse>((metadata, options, done) =>
        client.loadModel({ id }, metadata, options, done),
      );
    },
    async unload(id) {
      await ask<UnloadModelResponse>((metadata, options, done) =>
        client.unloadModel({ id }, metadata, options, done),
      );
    },
    close: () => channels.close(),
  };
}
