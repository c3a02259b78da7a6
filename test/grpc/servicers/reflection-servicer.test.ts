import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ServerReflectionClient,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../../src/contract/gen/grpc/reflection/v1/reflection.js';
import { ServerReflectionClient as AlphaClient } from '../../../src/contract/gen/grpc/reflection/v1alpha/reflection.js';
import { type GrpcHarness, startGrpcHarness } from '../../support/grpc-harness.js';

type Question = ServerReflectionRequest['messageRequest'];

let harness: GrpcHarness;
beforeEach(async () => {
  harness = await startGrpcHarness();
});
afterEach(() => harness.close());

/** Asks questions on one stream, and reads it to its end. */
function ask(questions: readonly Question[], Client: typeof ServerReflectionClient = ServerReflectionClient) {
  const client = new Client(harness.target, credentials.createInsecure());
  const call = client.serverReflectionInfo();
  for (const messageRequest of questions) call.write({ host: 'h', messageRequest });
  call.end();
  return new Promise<ServerReflectionResponse[]>((resolve, reject) => {
    const answers: ServerReflectionResponse[] = [];
    call.on('data', (answer) => answers.push(answer));
    call.on('end', () => resolve(answers)).on('error', reject);
  }).finally(() => client.close());
}

async function askOne(question: Question) {
  const [answer] = await ask([question]);
  return answer?.messageResponse;
}

const symbol = (value: string) => ({ $case: 'fileContainingSymbol', value }) as const;

describe('ServerReflection', () => {
  it.each([
    ['v1', ServerReflectionClient],
    ['v1alpha', AlphaClient as unknown as typeof ServerReflectionClient],
  ])('lists, over %s, the services that the server has', async (_version, Client) => {
    const [answer] = await ask([{ $case: 'listServices', value: '' }], Client);
    expect(answer).toMatchObject({ validHost: 'h', originalRequest: { host: 'h' } });
    const names =
      answer?.messageResponse?.$case === 'listServicesResponse' && answer.messageResponse.value.service;
    expect(names).toEqual(
      expect.arrayContaining([
        { name: 'linnet.v1.Completion' },
        { name: 'linnet.v1.Models' },
        { name: 'linnet.v1.Tokenizer' },
        { name: 'grpc.health.v1.Health' },
        { name: 'grpc.reflection.v1.ServerReflection' },
        { name: 'grpc.reflection.v1alpha.ServerReflection' },
      ]),
    );
    expect(names).toHaveLength(6);
  });

  it.each([
    'linnet.v1.Completion',
    'linnet.v1.Completion.Generate',
    'linnet.v1.GenerateRequest',
    'linnet.v1.GenerateRequest.max_tokens',
    'linnet.v1.GenerateRequest.input',
    'linnet.v1.FINISH_REASON_STOP',
    'grpc.health.v1.HealthCheckResponse.ServingStatus',
    'grpc.health.v1.HealthCheckResponse.SERVING',
    'google.rpc.BadRequest.FieldViolation',
  ])('finds %s in files that are complete', async (name) => {
    const answer = await askOne(symbol(name));
    if (answer?.$case !== 'fileDescriptorResponse') throw new Error(JSON.stringify(answer));
    const file = answer.value.fileDescriptorProto.map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }));
    expect([...registry].length).toBeGreaterThan(0);
  });

  it('answers several questions on one stream, in order', async () => {
    const answers = await ask([
      { $case: 'fileByFilename', value: 'linnet/v1/models.proto' },
      { $case: 'fileByFilename', value: 'nothing.proto' },
      { $case: 'allExtensionNumbersOfType', value: 'linnet.v1.Model' },
      symbol('linnet.v1.Model'),
    ]);
    expect(answers.map(({ messageResponse }) => messageResponse?.$case)).toEqual([
      'fileDescriptorResponse',
      'errorResponse',
      'allExtensionNumbersResponse',
      'fileDescriptorResponse',
    ]);
  });

  it.each<[Question, number]>([
    [symbol('linnet.v1.Nothing'), status.NOT_FOUND],
    [symbol(''), status.NOT_FOUND],
    [
      { $case: 'fileContainingExtension', value: { containingType: 'linnet.v1.Model', extensionNumber: 1 } },
      5,
    ],
    [{ $case: 'allExtensionNumbersOfType', value: 'linnet.v1.Nothing' }, status.NOT_FOUND],
    [undefined, status.INVALID_ARGUMENT],
  ])('answers %o with error %i, and goes on', async (question, errorCode) => {
    expect(await askOne(question)).toMatchObject({ $case: 'errorResponse', value: { errorCode } });
  });

  it('ends a stream that is left open when the server shuts down', async () => {
    const client = new ServerReflectionClient(harness.target, credentials.createInsecure());
    const call = client.serverReflectionInfo();
    call.write({ host: '', messageRequest: { $case: 'listServices', value: '' } });
    await new Promise((resolve) => call.once('data', resolve));
    call.resume();
    const ended = new Promise<{ code: number }>((resolve) => call.on('error', resolve as never));
    await harness.server.close();
    expect((await ended).code).toBe(status.UNAVAILABLE);
    client.close();
  });
});
