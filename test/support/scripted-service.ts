import {
  status as Code,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthService,
} from '../../src/contract/gen/grpc/health/v1/health.js';
import {
  type CancelRequest,
  type CancelResponse,
  CompletionService,
  type ScoreRequest,
  type ScoreResponse,
} from '../../src/contract/gen/linnet/v1/completion.js';
import { type Model, ModelState, ModelsService } from '../../src/contract/gen/linnet/v1/models.js';
import {
  type DetokenizeRequest,
  type DetokenizeResponse,
  type TokenizeRequest,
  type TokenizeResponse,
  TokenizerService,
} from '../../src/contract/gen/linnet/v1/tokenizer.js';
import { encodeRichStatus, type RichStatus } from '../../src/contract/rich-status.js';
import { ScriptedCall, type WireCall } from './scripted-call.js';

/** A model as the scripted service lists it. */
export const MODEL: Model = {
  id: 'fable',
  state: ModelState.READY,
  error: '',
  config: {
    contextLength: 1024,
    vocabSize: 50_257,
    numLayers: 12,
    numHeads: 12,
    hiddenSize: 768,
    numParameters: 124_439_808n,
    precision: 'f32',
    fingerprint: 'fp_test',
  },
  createdUnixSeconds: 1_700_000_000n,
  load: undefined,
  memoryBytes: 0n,
  loadingShare: 0,
};

type WatchCall = ServerWritableStream<HealthCheckRequest, HealthCheckResponse>;
type UnaryAnswer<I, O> = (call: ServerUnaryCall<I, O>, reply: sendUnaryData<O>) => void;

const refuse = (_call: unknown, reply: sendUnaryData<never>) => reply({ code: Code.UNIMPLEMENTED });

/** The engine's side of the wire, without an engine: real gRPC, answers by script. */
export class ScriptedService {
  readonly address: string;
  readonly port: number;
  models: Model[] = [MODEL];
  readonly #notServing = new Set<string>();
  readonly #watches = new Set<WatchCall>();
  /** What Cancel does: ends the stream, says that it did without doing it, or is not there. */
  cancelMode: 'obey' | 'pretend' | 'missing' = 'obey';
  /** How many calls that are not to Generate a Cancel ends; it ends them. Default: none. */
  onCancel: (() => number) | undefined;
  /** The cancel keys that came, in order. */
  readonly cancelKeys: string[] = [];
  /** Answers each call; undefined to hand them to `nextCall`. */
  answer: ((call: ScriptedCall) => void) | undefined;
  /** Answer the calls of these names; a test that makes one sets it. */
  score: UnaryAnswer<ScoreRequest, ScoreResponse> = refuse;
  tokenize: UnaryAnswer<TokenizeRequest, TokenizeResponse> = refuse;
  detokenize: UnaryAnswer<DetokenizeRequest, DetokenizeResponse> = refuse;
  /** Is told the deadline of each Generate call: milliseconds of `Date.now`, infinite for none. */
  onDeadline: ((deadlineAtMs: number) => void) | undefined;
  readonly #server: Server;
  readonly #running = new Map<string, ScriptedCall>();
  readonly #calls: ScriptedCall[] = [];
  readonly #readers: ((call: ScriptedCall) => void)[] = [];

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    this.address = `127.0.0.1:${port}`;
  }

  /** Starts the service on a free port, or on one that an earlier service has left. */
  static async start(port = 0): Promise<ScriptedService> {
    const server = new Server();
    let service: ScriptedService | undefined;
    const current = () => service ?? expectService();
    server.addService(CompletionService, {
      generate: (call: WireCall) => current().#take(call),
      cancel: (call: ServerUnaryCall<CancelRequest, CancelResponse>, reply: sendUnaryData<CancelResponse>) =>
        current().#cancel(call.request.cancelKey, reply),
      score: (call: ServerUnaryCall<ScoreRequest, ScoreResponse>, reply: sendUnaryData<ScoreResponse>) =>
        current().score(call, reply),
    });
    server.addService(TokenizerService, {
      tokenize: (
        call: ServerUnaryCall<TokenizeRequest, TokenizeResponse>,
        reply: sendUnaryData<TokenizeResponse>,
      ) => current().tokenize(call, reply),
      detokenize: (
        call: ServerUnaryCall<DetokenizeRequest, DetokenizeResponse>,
        reply: sendUnaryData<DetokenizeResponse>,
      ) => current().detokenize(call, reply),
    });
    server.addService(ModelsService, {
      listModels: (_call: unknown, reply: sendUnaryData<object>) =>
        reply(null, { models: current().models, memoryLimitBytes: 0n }),
      getModel: (call: ServerUnaryCall<{ id: string }, object>, reply: sendUnaryData<object>) => {
        const model = current().models.find(({ id }) => id === call.request.id);
        if (model) reply(null, { model });
        else reply(encodeRichStatus(modelNotFound(call.request.id)));
      },
    });
    server.addService(HealthService, {
      check: (_call: unknown, reply: sendUnaryData<object>) => {
        reply(null, current().#health(''));
      },
      list: (_call: unknown, reply: sendUnaryData<object>) => reply({ code: Code.UNIMPLEMENTED }),
      watch: (call: WatchCall) => current().#watch(call),
    });
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, boundPort) =>
        error === null ? resolve(boundPort) : reject(error),
      );
    });
    service = new ScriptedService(server, bound);
    return service;
  }

  /** Waits for the next Generate call. */
  nextCall(): Promise<ScriptedCall> {
    const call = this.#calls.shift();
    if (call) return Promise.resolve(call);
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  /** How many Generate calls wait to be taken by `nextCall`. */
  get numUntakenCalls(): number {
    return this.#calls.length;
  }

  /** Whether its health says that it serves, whatever one asks for; those who watch hear of a change. */
  set isServing(isServing: boolean) {
    for (const name of ['', 'ready']) this.setServing(name, isServing);
  }

  /** Whether a name of its health says so. */
  setServing(name: string, isServing: boolean): void {
    if (isServing) this.#notServing.delete(name);
    else this.#notServing.add(name);
    for (const call of this.#watches) call.write(this.#health(call.request.service));
  }

  /** Breaks all connections and frees the port, as a crash does. */
  stop(): void {
    this.#server.forceShutdown();
  }

  #health(name: string): HealthCheckResponse {
    const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
    return { status: this.#notServing.has(name) ? NOT_SERVING : SERVING };
  }

  #watch(call: WatchCall): void {
    this.#watches.add(call);
    call.on('cancelled', () => this.#watches.delete(call));
    call.write(this.#health(call.request.service));
  }

  #take(wireCall: WireCall): void {
    const call = new ScriptedCall(wireCall);
    this.onDeadline?.(Number(wireCall.getDeadline()));
    const key = call.request.cancelKey ?? '';
    this.#running.set(key, call);
    void call.ended.then(() => this.#running.delete(key));
    const reader = this.answer ?? this.#readers.shift();
    if (reader) reader(call);
    else this.#calls.push(call);
  }

  #cancel(key: string, reply: sendUnaryData<CancelResponse>): void {
    this.cancelKeys.push(key);
    const call = this.#running.get(key);
    if (this.cancelMode === 'obey') call?.endAsCancelled();
    if (this.cancelMode === 'missing') reply({ code: Code.UNIMPLEMENTED });
    else reply(null, { cancelledRequests: call ? 1 : (this.onCancel?.() ?? 0) });
  }
}

export function modelNotFound(id: string): RichStatus {
  return {
    reason: 'MODEL_NOT_FOUND',
    message: `The model \`${id}\` does not exist.`,
    field: 'model',
    metadata: { model: id },
  };
}

function expectService(): never {
  throw new Error('The service got a call before it was bound.');
}
