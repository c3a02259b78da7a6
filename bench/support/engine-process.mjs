// A process with an engine and its gRPC service, as `linnet engine` is one.
import { pino } from 'pino';
import { createEngine } from '../../dist/engine/index.js';
import { createGrpcServer } from '../../dist/grpc/server.js';
import { answer } from './child-process.mjs';

let engine;
let server;

answer({
  async listen({ directory, ...options }) {
    engine = createEngine({ models: [{ id: 'bench', directory }], ...options });
    // Lines are made as in production, and go nowhere.
    const logger = pino({}, { write() {} });
    server = createGrpcServer(engine, { logger, port: 0 });
    await engine.load();
    const { target } = await server.listen();
    return target;
  },
  residentBytes: () => process.memoryUsage.rss(),
  async close() {
    await server?.close();
    await engine?.close();
  },
});
