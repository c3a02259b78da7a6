// A process with a gRPC server whose messages are there already: the service itself over an engine that replays them, a
// bare grpc-js server with the generated code, or one that writes bytes which are encoded already.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { pino } from 'pino';
import { CompletionService } from '../../dist/contract/gen/linnet/v1/completion.js';
import { toGenerateResponse } from '../../dist/grpc/messages/generate-response.js';
import { createGrpcServer } from '../../dist/grpc/server.js';
import { answer } from './child-process.mjs';

const DELTA = {
  ...{ type: 'delta', index: 0, text: ' token', tokenIds: [11241], tokenBytes: Buffer.from(' token') },
  ...{ logprobs: [], echoedTokens: 0 },
};
const ACCEPTED = {
  ...{ type: 'accepted', model: 'bench', systemFingerprint: 'fp_0123456789ab' },
  ...{ prompts: [new Int32Array(16)], cachedTokens: 0 },
};
const FINISHED = {
  ...{ type: 'finished', index: 0, finishReason: 'length', stop: undefined },
  usage: { promptTokens: 16, completionTokens: 0, cachedTokens: 0, acceptedPredictionTokens: 0 },
  timings: { queueMs: 1, prefillMs: 10, decodeMs: 100 },
};

const engine = {
  async *generate({ maxTokens }) {
    yield ACCEPTED;
    for (let i = 0; i < maxTokens; i++) yield DELTA;
    yield FINISHED;
  },
  models: () => [{ id: 'bench', state: 'ready', error: undefined, isStuck: false, isQueueFull: false }],
  load: async () => undefined,
  onStateChange: () => () => undefined,
  close: async () => undefined,
};

/** Who waits for a place in a step of the engine that sleeps, and how many have one. */
const STEP = { ms: 20, numPlaces: 8, waiting: [], timer: undefined };

/** An engine whose steps sleep: each gives one token to those who have waited longest, a few at a time. */
const pacedEngine = {
  ...engine,
  async *generate({ maxTokens }) {
    yield ACCEPTED;
    for (let i = 0; i < maxTokens; i++) {
      STEP.timer ??= setInterval(() => {
        for (const wake of STEP.waiting.splice(0, STEP.numPlaces)) wake();
      }, STEP.ms);
      await new Promise((resolve) => STEP.waiting.push(resolve));
      yield DELTA;
    }
    yield FINISHED;
  },
};

const { generate } = CompletionService;
const DETAILS = { requestId: '01234567-89ab-cdef-0123-456789abcdef', seed: 1n, returnPromptTokenIds: false };
/** @type {any[]} */
const EVENTS = [ACCEPTED, DELTA, FINISHED];
const MESSAGES = EVENTS.map((event) => toGenerateResponse(event, DETAILS));
const BARE = {
  generated: { definition: generate, messages: MESSAGES },
  bytes: {
    definition: { ...generate, responseSerialize: (bytes) => bytes },
    messages: MESSAGES.map(generate.responseSerialize),
  },
};

/** What a server can't do with less: wait for the reader, and write messages that are there. */
function writeAll(call, [first, delta, last]) {
  const { maxTokens } = call.request;
  let index = -1;
  const write = () => {
    for (; index <= maxTokens; index++) {
      if (!call.write(index < 0 ? first : index < maxTokens ? delta : last)) {
        index += 1;
        call.once('drain', write);
        return;
      }
    }
    call.end();
  };
  write();
}

async function startBare({ definition, messages }) {
  const server = new Server({ 'grpc.enable_channelz': 0 });
  server.addService({ generate: definition }, { generate: (call) => writeAll(call, messages) });
  const port = await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return `127.0.0.1:${port}`;
}

async function startService(served) {
  // Lines are made as in production, and go nowhere.
  const server = createGrpcServer(served, { logger: pino({}, { write() {} }), port: 0 });
  const { target } = await server.listen();
  return target;
}

answer({
  listen(kind) {
    if (kind === 'service') return startService(engine);
    return kind === 'paced' ? startService(pacedEngine) : startBare(BARE[kind]);
  },
  /** CPU time of the process so far, in microseconds. */
  cpuMicros() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
});
