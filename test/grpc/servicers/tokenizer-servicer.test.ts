import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type DetokenizeResponse,
  type TokenizeResponse,
  TokenizerClient,
} from '../../../src/contract/gen/linnet/v1/tokenizer.js';
import { decodeRichStatus } from '../../../src/contract/rich-status.js';
import { EngineError } from '../../../src/engine/index.js';
import { type GrpcHarness, startGrpcHarness, unary } from '../../support/grpc-harness.js';

let harness: GrpcHarness;
let client: TokenizerClient;
beforeEach(async () => {
  harness = await startGrpcHarness();
  client = new TokenizerClient(harness.target, credentials.createInsecure());
});
afterEach(async () => {
  client.close();
  await harness.close();
});

function tokenize(text: string, model = '') {
  return unary<TokenizeResponse>((done) => client.tokenize({ model, text }, done));
}

function detokenize(tokenIds: number[], model = '') {
  return unary<DetokenizeResponse>((done) => client.detokenize({ model, tokenIds }, done));
}

async function refusal(answer: Promise<unknown>) {
  const error = (await answer.catch((caught) => caught)) as ServiceError;
  return { code: error.code, ...decodeRichStatus(error) };
}

describe('Tokenize', () => {
  it('answers with tokens, and 0 for a context that is not known yet', async () => {
    const tokens = [{ id: 0, bytes: Buffer.of(0xc3), byteOffset: 0, textOffset: 0 }];
    harness.engine.tokenized = () => ({ model: 'test-model', tokens, contextLength: undefined });
    expect(await tokenize('é', 'm')).toEqual({ model: 'test-model', tokens, contextLength: 0 });
    expect(harness.engine.calls).toEqual([['m', 'é']]);
    harness.engine.tokenized = () => ({ model: 'test-model', tokens: [], contextLength: 1024 });
    expect(await tokenize('')).toMatchObject({ tokens: [], contextLength: 1024 });
  });

  it('refuses more text than can be answered at once', async () => {
    harness.engine.tokenized = () => ({ model: 'test-model', tokens: [], contextLength: 1024 });
    await tokenize('é'.repeat(65_536));
    const expected = { code: status.INVALID_ARGUMENT, reason: 'INVALID_FIELD', field: 'text' };
    expect(await refusal(tokenize(`${'é'.repeat(65_536)}a`))).toMatchObject(expected);
    expect(await refusal(tokenize('a', 'x'.repeat(257)))).toMatchObject({ ...expected, field: 'model' });
  });

  it("leaves a line in the log that names the caller's trace", async () => {
    harness.engine.tokenized = () => ({ model: 'test-model', tokens: [], contextLength: 1024 });
    const metadata = new Metadata();
    metadata.set('traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
    await unary<TokenizeResponse>((done) => client.tokenize({ model: '', text: 'a' }, metadata, done));
    expect(harness.logs.at(-1)).toMatchObject({
      rpc: '/linnet.v1.Tokenizer/Tokenize',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    });
  });

  it('fails as the engine does', async () => {
    harness.engine.tokenized = () => {
      throw new EngineError('MODEL_NOT_FOUND', 'There is no model.', { field: 'model' });
    };
    expect(await refusal(tokenize('a'))).toMatchObject({ code: status.NOT_FOUND, reason: 'MODEL_NOT_FOUND' });
  });
});

describe('Detokenize', () => {
  it('answers with text and bytes', async () => {
    const answer = { model: 'test-model', text: '\ufffd', bytes: Buffer.of(0xc3) };
    harness.engine.detokenized = () => answer;
    expect(await detokenize([127], 'm')).toEqual(answer);
    expect(harness.engine.calls).toEqual([['m', [127]]]);
  });

  it('refuses more tokens than can be answered at once', async () => {
    const expected = { code: status.INVALID_ARGUMENT, reason: 'INVALID_FIELD', field: 'token_ids' };
    expect(await refusal(detokenize(Array(131_073).fill(0)))).toMatchObject(expected);
    expect(await refusal(detokenize([], 'x'.repeat(257)))).toMatchObject({ ...expected, field: 'model' });
  });
});
