import { credentials } from '@grpc/grpc-js';
import {
  ModelsClient as GrpcModelsClient,
  type ListModelsResponse,
  type LoadModelResponse,
  type UnloadModelResponse,
} from '../../contract/gen/linnet/v1/models.js';
import type { EngineLink } from '../../gateway/upstream/engine-link.js';
import { EnginePool } from '../../gateway/upstream/engine-pool.js';
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
  const engines = new EnginePool([address], { numChannels: 1, tls });
  const client = ({ channels }: EngineLink) =>
    new GrpcModelsClient(channels.address, credentials.createInsecure(), {
      channelOverride: channels.next(),
    });
  const ask = <T>(start: StartUnaryCall<T>, timeoutMs?: number) =>
     callUnary(engines, start, { timeoutMs, apiKey });
  return {
    list: () =>
      ask<ListModelsResponse>(
        (engine, ...rest) => client(engine).listModels({}, ...rest),
        ANSWER_LIMIT_MS,
      ),
    async load(id) {
      await ask<LoadModelResponse>((engine, ...rest) => client(engine).loadModel({ id }, ...rest));
    },
    async unload(id) {
      await ask<UnloadModelResponse>((engine, ...rest) => client(engine).unloadModel({ id }, ...rest));
    },
    close: () => engines.close(),
  };
}
