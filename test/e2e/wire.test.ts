import {
  type Client,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GrpcHarness, startGrpcHarness } from '../support/grpc-harness.js';
import { accepted, delta, finished } from '../support/scripted-engine.js';

// What an outsider has: the .proto files, and nothing of what we generate from them.
const definitions = loadSync(
  [
    'linnet/v1/completion.proto',
    'linnet/v1/models.proto',
    'google/rpc/status.proto',
    'google/rpc/error_details.proto',
  ],
  { includeDirs: ['proto', 'proto/third_party'], keepCase: true, enums: String, longs: String, oneofs: true },
);

type Message = Record<string, unknown>;
type Stream = AsyncIterable<Message> & { cancel(): void };
type OutsideClient = Client & {
  Generate(request: Message, metadata?: Metadata): Stream;
  Cancel(request: Message, done: (error: ServiceError | null, response: Message) => void): void;
};
type OutsideClientConstructor = new (target: string, creds: unknown) => OutsideClient;

const { linnet } = loadPackageDefinition(definitions) as unknown as {
  linnet: { v1: { Completion: OutsideClientConstructor } };
};

function decode(type: string, bytes: Uint8Array): Message {
  const { deserialize } = definitions[type] as MessageTypeDefinition<object, object>;
  return deserialize(Buffer.from(bytes)) as Message;
}

/** Reads the details of a failed call, each by its type. */
function errorDetails(error: ServiceError): Record<string, Message> {
  const [bytes] = error.metadata.get('grpc-status-details-bin') as Buffer[];
  const { details } = decode('google.rpc.Status', bytes!) as {
    details: { type_url: string; value: Buffer }[];
  };
  return Object.fromEntries(
    details.map(({ type_url, value }) => {
      const type = type_url.slice(type_url.lastIndexOf('/') + 1);
      return [type, decode(type, value)];
    }),
  );
}

let harness: GrpcHarness;
let client: OutsideClient;
beforeEach(async () => {
  harness = await startGrpcHarness();
  client = new linnet.v1.Completion(harness.target, credentials.createInsecure());
});
afterEach(async () => {
  client.close();
  await harness.close();
});

async function collect(stream: Stream): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

async function failureOf(stream: Stream): Promise<ServiceError> {
  return collect(stream).then(
    () => Promise.reject(new Error('The call did not fail.')),
    (error: ServiceError) => error,
  );
}

describe('a client that knows only the .proto files', () => {
  it('streams a completion', async () => {
    harness.engine.script = (generation) =>
      generation.emit(accepted(), delta(' upon'), delta(' a'), finished());
    const metadata = new Metadata();
    metadata.set('x-request-id', 'outside');
    const messages = await collect(
      client.Generate({ prompt: 'Once', max_tokens: 2, top_p: 0, seed: '9007199254740993' }, metadata),
    );
    expect(messages.map(({ event }) => event)).toEqual(['accepted', 'delta', 'delta', 'finished']);
    expect(messages[0]).toMatchObject({
      accepted: { request_id: 'outside', model: 'test-model', seed: '9007199254740993', prompt_tokens: 5 },
    });
    expect(messages[1]).toMatchObject({ delta: { text: ' upon', token_ids: [64] } });
    expect(messages[3]).toMatchObject({
      finished: {
        finish_reason: 'FINISH_REASON_LENGTH',
        usage: { completion_tokens: 3 },
        timings: { decode_ms: 3 },
      },
    });
    expect(harness.engine.generations[0]?.request).toMatchObject({
      prompts: [{ field: 'prompt', input: 'Once' }],
      maxTokens: 2,
      sampling: { topP: 0, temperature: 1, seed: 9007199254740993n },
    });
  });

  it('sends token ids, and says what it leaves out by leaving it out', async () => {
    harness.engine.script = (generation) => generation.emit(accepted(), finished());
    await collect(client.Generate({ prompt_token_ids: { ids: [7, 50256] } }));
    await collect(client.Generate({}));
    const requests = harness.engine.generations.map(({ request }) => request);
    expect(requests.map(({ prompts, maxTokens }) => ({ input: prompts[0]?.input, maxTokens }))).toEqual([
      { input: [7, 50256], maxTokens: 16 },
      { input: [50256], maxTokens: 16 },
    ]);
  });

  it('reads which field was wrong', async () => {
    const error = await failureOf(client.Generate({ prompt: 'Once', temperature: 3 }));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    const description = '`temperature` must be between 0 and 2; got 3.';
    expect(error.details).toBe(description);
    expect(errorDetails(error)).toMatchObject({
      'google.rpc.ErrorInfo': { reason: 'INVALID_FIELD', domain: 'linnet', metadata: { got: '3' } },
      'google.rpc.BadRequest': { field_violations: [{ field: 'temperature', description }] },
    });
  });

  it('cancels by key', async () => {
    const next = harness.engine.next();
    const failure = failureOf(client.Generate({ prompt: 'Once', cancel_key: 'outsiders-secret-key' }));
    await next;
    const response = await new Promise<Message>((resolve, reject) => {
      client.Cancel({ cancel_key: 'outsiders-secret-key' }, (error, value) =>
        error ? reject(error) : resolve(value),
      );
    });
    expect(response).toEqual({ cancelled_requests: 1 });
    const error = await failure;
    expect(error.code).toBe(status.CANCELLED);
    expect(errorDetails(error)).toMatchObject({ 'google.rpc.ErrorInfo': { reason: 'CANCELLED' } });
  });
});
