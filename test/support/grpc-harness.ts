import { type ClientReadableStream, credentials, type ServiceError } from '@grpc/grpc-js';
import { pino } from 'pino';
import { CompletionClient, type GenerateRequest } from '../../src/contract/gen/linnet/v1/completion.js';
import { createGrpcServer, type GrpcServer } from '../../src/grpc/server.js';
import type { GrpcServerOptions } from '../../src/grpc/server-options.js';
import { ScriptedEngine } from './scripted-engine.js';

/** A server on a free port of loopback, over a scripted engine, and a client of its completion service. */
export interface GrpcHarness {
  readonly engine: ScriptedEngine;
  readonly server: GrpcServer;
  readonly target: string;
  readonly client: CompletionClient;
  /** The lines that the server logged. */
  readonly logs: Record<string, unknown>[];
  close(): Promise<void>;
}

export async function startGrpcHarness(options: Partial<GrpcServerOptions> = {}): Promise<GrpcHarness> {
  const logs: Record<string, unknown>[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => logs.push(JSON.parse(line)) });
  const engine = new ScriptedEngine();
  const server = createGrpcServer(engine, { logger, port: 0, ...options });
  const { target } = await server.listen();
  const client = new CompletionClient(target, credentials.createInsecure());
  const close = async () => {
    client.close();
    await server.close();
  };
  return { engine, server, target, client, logs, close };
}

/** A request with nothing set but what is given. */
export function wireRequest(fields: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    model: '',
    input: { $case: 'prompt', value: 'Once' },
    stop: [],
    logitBias: {},
    stopTokenIds: [],
    prompts: [],
    ...fields,
  };
}

/** What a call brought: its messages, and the error that ended it, if one did. */
export interface CallResult<T> {
  readonly messages: T[];
  readonly error: ServiceError | undefined;
}

/** Reads a stream to its end. */
export function readAll<T>(call: ClientReadableStream<T>): Promise<CallResult<T>> {
  return new Promise((resolve) => {
    const messages: T[] = [];
    call.on('data', (message: T) => messages.push(message));
    call.on('error', (error: ServiceError) => resolve({ messages, error }));
    call.on('end', () => resolve({ messages, error: undefined }));
  });
}

/** Makes a promise of a unary call. */
export function unary<T>(
  call: (done: (error: ServiceError | null, value?: T) => void) => unknown,
): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error === null ? resolve(value as T) : reject(error)));
  });
}
