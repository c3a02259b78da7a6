import { credentials } from '@grpc/grpc-js';
import { pino } from 'pino';
import { CompletionClient } from '../../src/contract/gen/linnet/v1/completion.js';
import { type GetModelResponse, type Model, ModelsClient } from '../../src/contract/gen/linnet/v1/models.js';
import type { Engine, EngineOptions } from '../../src/engine/index.js';
import type { GatewaySettings } from '../../src/gateway/gateway-config.js';
import { ServiceMetrics } from '../../src/grpc/metrics/service-metrics.js';
import { createGrpcServer, type GrpcServer } from '../../src/grpc/server.js';
import type { GrpcServerOptions } from '../../src/grpc/server-options.js';
import { createTestEngine } from './engine-under-test.js';
import { unary } from './grpc-harness.js';
import { startTestGateway, type TestGateway } from './test-gateway.js';

/** The whole of Linnet on free ports of loopback: gateway, gRPC service, and the real engine in its worker. */
export interface Linnet {
  readonly engine: Engine;
  readonly server: GrpcServer;
  readonly gateway: TestGateway;
  /** Where the gRPC service listens. */
  readonly target: string;
  readonly completion: CompletionClient;
  /** The default model, as the service lists it. */
  model(): Promise<Model>;
  close(): Promise<void>;
}

/** What differs from a service with all its defaults. */
export interface LinnetOptions {
  readonly engine?: Partial<EngineOptions>;
  readonly gateway?: GatewaySettings;
  readonly server?: Partial<GrpcServerOptions>;
}

/** Starts the whole chain. The model is loaded with the first request. */
export async function startLinnet(options: LinnetOptions = {}): Promise<Linnet> {
  const metrics = new ServiceMetrics();
  const engine = createTestEngine({ observer: metrics.observer, ...options.engine });
  metrics.watch(engine);
  const server = createGrpcServer(engine, {
    logger: pino({ level: 'silent' }),
    port: 0,
    metrics,
    ...options.server,
  });
  const { target } = await server.listen();
  const gateway = await startTestGateway(
    { engineAddress: target, ...options.gateway },
    { engineMetrics: () => metrics.render() },
  );
  const completion = new CompletionClient(target, credentials.createInsecure());
  const models = new ModelsClient(target, credentials.createInsecure());
  return {
    engine,
    server,
    gateway,
    target,
    completion,
    async model() {
      const { model } = await unary<GetModelResponse>((done) => models.getModel({ id: '' }, done));
      if (model === undefined) throw new Error('GetModel answered without a model.');
      return model;
    },
    async close() {
      await gateway.close();
      completion.close();
      models.close();
      await server.close();
      await engine.close();
    },
  };
}
