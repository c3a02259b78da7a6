import {
  status as Code,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import {
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthService,
} from '../../src/contract/gen/grpc/health/v1/health.js';
import {
  type CancelRequest,
  type CancelResponse,
  CompletionService,
  type Finished,
  FinishReason,
  type GenerateRequest,
  type GenerateResponse,
} from '../../src/contract/gen/linnet/v1/completion.js';
import { type Model, ModelState, ModelsService } from '../../src/contract/gen/linnet/v1/models.js';
import { encodeRichStatus, type RichStatus } from '../../src/contract/rich-status.js';

type Call = ServerWritableStream<GenerateRequest, GenerateResponse>;

/** One Generate call as the service sees it. The test decides what it answers, and when. */
export class ScriptedCall {
  readonly request: GenerateRequest;
  readonly requestId: string;
  /** The caller's end of the connection. */
  readonly peer: string;
  /** How the call ended: by this script, by the Cancel RPC, or by a reset from the caller. */
  readonly ended: Promise<'answered' | 'cancelled' | 'reset'>;
  readonly #call: Call;
  #end: (how: 'answered' | 'cancelled' | 'reset') => void = () => undefined;

  constructor(call: Call) {
    this.#call = call;
    this.request = call.request;
    this.requestId = String(call.metadata.get('x-request-id')[0]);
    this.peer = call.getPeer();
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    // Fires after every call; only the first of these says how it ended.
    call.on('cancelled', () => this.#end('reset'));
  }

  accept(overrides: { model?: string; promptTokens?: number; cachedTokens?: number } = {}): this {
    const defaults = {
      requestId: this.requestId,
      model: 'fable',
      seed: 7n,
      systemFingerprint: 'fp_test',
      promptTokens: 5,
      cachedTokens: 0,
    };
    this.#write({ $case: 'accepted', value: { ...defaults, ...overrides } });
    return this;
  }

  /** Sends text; false while the reader does not keep up. */
  sendText(text: string): boolean {
    return this.#write({
      $case: 'delta',
      value: { text, tokenIds: [1], tokenBytes: Buffer.from(text) },
    });
  }

  async drained(): Promise<void> {
    await new Promise((resolve) => this.#call.once('drain', resolve));
  }

  finish(overrides: Partial<Finished> = {}): void {
    const finished: Finished = {
      finishReason: FinishReason.LENGTH,
      stop: undefined,
      usage: { promptTokens: 5, completionTokens: 2, cachedTokens: 3, acceptedPredictionTokens: 1 },
      timings: undefined,
      ...overrides,
    };
    this.#write({ $case: 'finished', value: finished });
    this.#end('answered');
    this.#call.end();
  }

  /** Answers everything at once. */
  complete(...texts: string[]): void {
    this.accept();
    for (const text of texts) this.sendText(text);
    this.finish();
  }

  fail(rich: RichStatus): void {
    this.#end('answered');
    this.#call.emit('error', encodeRichStatus(rich));
  }

  /** Ends with a status that says nothing of Linnet's, as a transport or a proxy does. */
  failBare(code: Code, details: string): void {
    this.#end('answered');
    this.#call.emit('error', { code, details });
  }

  /** Ends without `finished`. */
  endEarly(): void {
    this.#end('answered');
    this.#call.end();
  }

  endAsCancelled(): void {
    this.#end('cancelled');
    this.#call.emit('error', encodeRichStatus({ reason: 'CANCELLED', message: 'Cancelled.' }));
  }

  #write(event: NonNullable<GenerateResponse['event']>): boolean {
    return this.#call.write({ event });
  }
}

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
};

/** The engine's side of the wire, without an engine: real gRPC, answers by script. */
export class ScriptedService {
  readonly address: string;
  readonly port: number;
  models: Model[] = [MODEL];
  #isServing = true;
  readonly #watches = new Set<ServerWritableStream<unknown, HealthCheckResponse>>();
  /** What Cancel does: ends the stream, says that it did without doing it, or is not there. */
  cancelMode: 'obey' | 'pretend' | 'missing' = 'obey';
  /** The cancel keys that came, in order. */
  readonly cancelKeys: string[] = [];
  /** Answers each call; undefined to hand them to `nextCall`. */
  answer: ((call: ScriptedCall) => void) | undefined;
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
      generate: (call: Call) => current().#take(call),
      cancel: (call: ServerUnaryCall<CancelRequest, CancelResponse>, reply: sendUnaryData<CancelResponse>) =>
        current().#cancel(call.request.cancelKey, reply),
    });
    server.addService(ModelsService, {
      listModels: (_call: unknown, reply: sendUnaryData<object>) => reply(null, { models: current().models }),
      getModel: (call: ServerUnaryCall<{ id: string }, object>, reply: sendUnaryData<object>) => {
        const model = current().models.find(({ id }) => id === call.request.id);
        if (model) reply(null, { model });
        else reply(encodeRichStatus(modelNotFound(call.request.id)));
      },
    });
    server.addService(HealthService, {
      check: (_call: unknown, reply: sendUnaryData<object>) => {
        reply(null, current().#health());
      },
      list: (_call: unknown, reply: sendUnaryData<object>) => reply({ code: Code.UNIMPLEMENTED }),
      watch: (call: ServerWritableStream<unknown, HealthCheckResponse>) => current().#watch(call),
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

  /** Whether its health says that it serves; those who watch hear of a change. */
  set isServing(isServing: boolean) {
    this.#isServing = isServing;
    for (const call of this.#watches) call.write(this.#health());
  }

  /** Breaks all connections and frees the port, as a crash does. */
  stop(): void {
    this.#server.forceShutdown();
  }

  #health(): HealthCheckResponse {
    const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
    return { status: this.#isServing ? SERVING : NOT_SERVING };
  }

  #watch(call: ServerWritableStream<unknown, HealthCheckResponse>): void {
    this.#watches.add(call);
    call.on('cancelled', () => this.#watches.delete(call));
    call.write(this.#health());
  }

  #take(wireCall: Call): void {
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
    else reply(null, { cancelledRequests: call ? 1 : 0 });
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
