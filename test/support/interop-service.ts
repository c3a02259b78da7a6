import { once } from 'node:events';
import { CompletionClient, type GenerateResponse } from '../../src/contract/gen/linnet/v1/completion.js';
import { type GetModelResponse, ModelsClient } from '../../src/contract/gen/linnet/v1/models.js';
import { CheckpointCopy } from './checkpoint-copy.js';
import { readAll, unary, wireRequest } from './grpc-harness.js';
import { type Access, prepareAccess, type Transport } from './interop-access.js';
import { LinnetProcess } from './linnet-process.js';

/** `linnet engine` in a process of its own, for clients in others. It has room for one request, and no queue. */
export interface InteropService {
  /** Where it listens. */
  readonly target: string;
  /** What callers must be told to get in. */
  readonly access: Access;
  /** The greedy completion of a prompt. */
  textOf(prompt: string, maxTokens: number): Promise<string>;
  /** Takes the only place there is; resolves with what gives it back. */
  occupy(): Promise<() => void>;
  /** Resolves once nothing runs. */
  untilIdle(): Promise<void>;
  close(): Promise<void>;
}

/** Goes on for at least ten seconds. */
export const ENDLESS_TOKENS = 15_000;

/** Starts the service on a free port, its small model loaded. */
export async function startInteropService(transport: Transport): Promise<InteropService> {
  const access = await prepareAccess(transport);
  const checkpoint = new CheckpointCopy().lengthen(64);
  const args = ['--grpc-port', '0', '--model', `long=${checkpoint.directory}`, '--preload', '--threads', '1'];
  const bounds = ['--max-running-requests', '1', '--max-waiting-requests', '0'];
  const engine = new LinnetProcess(['engine', ...args, ...bounds, ...access.serverArgs]);
  const [, port] = await engine.until('stdout', /^ +gRPC +\S+:(\d+)$[\s\S]*Ctrl-C/m);
  // By name, since Node warns of a TLS server that is named by its address.
  const target = `localhost:${port}`;
  const completion = new CompletionClient(target, access.channel);
  const models = new ModelsClient(target, access.channel);
  const generate = (prompt: string, maxTokens: number) =>
    completion.generate(
      wireRequest({ input: { $case: 'prompt', value: prompt }, prompts: [], maxTokens, temperature: 0 }),
    );
  const runningRequests = async () => {
    const { model } = await unary<GetModelResponse>((done) => models.getModel({ id: '' }, done));
    return model?.load?.runningRequests;
  };
  return {
    target,
    access,
    async textOf(prompt, maxTokens) {
      const { messages, error } = await readAll<GenerateResponse>(generate(prompt, maxTokens));
      if (error !== undefined) throw error;
      return messages.map(({ event }) => (event?.$case === 'delta' ? event.value.text : '')).join('');
    },
    async occupy() {
      const call = generate('Once', ENDLESS_TOKENS).on('error', () => undefined);
      await once(call, 'data');
      return () => call.cancel();
    },
    async untilIdle() {
      while ((await runningRequests()) !== 0);
    },
    async close() {
      completion.close();
      models.close();
      engine.kill('SIGTERM');
      await engine.end();
      checkpoint.remove();
      access.remove();
    },
  };
}
