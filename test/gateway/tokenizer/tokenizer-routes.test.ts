import type { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { encodeRichStatus } from '../../../src/contract/rich-status.js';
import { modelNotFound, ScriptedService } from '../../support/scripted-service.js';
import { startTestGateway, type TestGateway } from '../../support/test-gateway.js';

let service: ScriptedService;
let gateway: TestGateway;

beforeAll(async () => {
  service = await ScriptedService.start();
  gateway = await startTestGateway({ engineAddress: service.address });
  service.tokenize = ({ request: { text, model } }, reply) => {
    if (model === 'nope') reply(encodeRichStatus(modelNotFound(model)));
    else {
      const tokens = [...Buffer.from(text)].map((byte, index) => ({
        ...{ id: byte, bytes: Buffer.from([byte]), byteOffset: index, textOffset: Math.min(index, 1) },
      }));
      reply(null, { model: 'fable', tokens, contextLength: model === 'new' ? 0 : 1024 });
    }
  };
  service.detokenize = ({ request: { tokenIds } }, reply) => {
    const bytes = Buffer.from(tokenIds);
    reply(null, { model: 'fable', text: bytes.toString(), bytes });
  };
});

afterAll(async () => {
  await gateway.close();
  service.stop();
});

async function post(path: string, body: object) {
  const response = await gateway.post(body, { path });
  return { status: response.status, body: await response.json() };
}

describe('POST /tokenize', () => {
  it.each(['/tokenize', '/v1/tokenize'])('is at %s, in the shape of vLLM', async (path) => {
    expect(await post(path, { model: 'fable', prompt: 'aé' })).toEqual({
      status: 200,
      body: { count: 3, max_model_len: 1024, tokens: [97, 195, 169], token_strs: null, text_offset: null },
    });
  });

  it('says how each token reads and where it begins, where that is asked for', async () => {
    const { body } = await post('/tokenize', {
      prompt: 'aé',
      return_token_strs: true,
      add_special_tokens: false,
    });
    expect(body).toMatchObject({ token_strs: ['a', 'bytes:\\xc3', 'bytes:\\xa9'], text_offset: [0, 1, 1] });
  });

  it('takes an empty text, and says null of a model that it does not know yet', async () => {
    expect((await post('/tokenize', { model: 'new', prompt: '' })).body).toMatchObject({
      count: 0,
      max_model_len: null,
    });
  });

  it.each([
    [{}, 400, 'prompt'],
    [{ prompt: ['a'] }, 400, 'prompt'],
    [{ prompt: '\ud800' }, 400, 'prompt'],
    [{ prompt: 'a', return_token_strs: 1 }, 400, 'return_token_strs'],
    [{ prompt: 'a', model: 'nope' }, 404, 'model'],
  ])('refuses %j with %i, and names the field', async (request, status, param) => {
    expect(await post('/tokenize', request)).toMatchObject({ status, body: { error: { param } } });
  });
});

describe.each(['/tokenize', '/detokenize'])('POST %s', (path) => {
  it("tells the engine the request's name, its key and its trace", async () => {
    const told: unknown[] = [];
    const note = ({ metadata }: { readonly metadata: Metadata }) => told.push(metadata.getMap());
    const { tokenize, detokenize } = service;
    service.tokenize = (call, reply) => {
      note(call);
      tokenize(call, reply);
    };
    service.detokenize = (call, reply) => {
      note(call);
      detokenize(call, reply);
    };
    onTestFinished(() => {
      Object.assign(service, { tokenize, detokenize });
    });
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const headers = { traceparent, 'x-request-id': 'named', authorization: 'Bearer secret' };
    expect((await gateway.post({ prompt: 'a', tokens: [97] }, { path, headers })).status).toBe(200);
    expect(told).toMatchObject([{ traceparent, 'x-request-id': 'named', authorization: 'Bearer secret' }]);
  });
});

describe('POST /detokenize', () => {
  it.each(['/detokenize', '/v1/detokenize'])('is at %s, in the shape of vLLM', async (path) => {
    expect(await post(path, { tokens: [97, 195, 169] })).toEqual({ status: 200, body: { prompt: 'aé' } });
    expect(await post(path, { tokens: [] })).toEqual({ status: 200, body: { prompt: '' } });
  });

  it.each([[{}], [{ tokens: 'a' }], [{ tokens: null }], [{ tokens: [1, -1] }], [{ tokens: [1, '2'] }]])(
    'refuses %j, and names the field',
    async (request) => {
      expect(await post('/detokenize', request)).toMatchObject({
        ...{ status: 400, body: { error: { param: 'tokens', code: 'invalid_value' } } },
      });
    },
  );
});
