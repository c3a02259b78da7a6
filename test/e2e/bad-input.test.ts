import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { GenerateRequest } from '../../src/contract/gen/linnet/v1/completion.js';
import { decodeRichStatus, type RichStatus } from '../../src/contract/rich-status.js';
import { COMPLETION_FIELDS } from '../../src/gateway/completions/completion-fields.js';
import { SCORE_FIELDS } from '../../src/gateway/score/score-fields.js';
import { DETOKENIZE_FIELDS, TOKENIZE_FIELDS } from '../../src/gateway/tokenizer/tokenizer-fields.js';
import { anyBody } from '../support/any-body.js';
import { readAll, wireRequest } from '../support/grpc-harness.js';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { callRaw } from '../support/raw-grpc.js';

const MAX_BODY_BYTES = 64 * 1024;

let linnet: Linnet;
beforeAll(async () => {
  linnet = await startLinnet({ gateway: { maxBodyBytes: MAX_BODY_BYTES } });
  await linnet.engine.load();
});
afterAll(() => linnet.close());

// Whatever a test did: nothing of it is left, and the next request is served.
afterEach(async () => {
  const response = await linnet.gateway.post({ prompt: 'Hi', max_tokens: 1 });
  expect(response.status).toBe(200);
  await response.text();
  expect((await linnet.model()).load).toMatchObject({ runningRequests: 0, waitingRequests: 0 });
  expect(linnet.server.runningRequests).toBe(0);
});

interface Refusal {
  readonly status: number;
  readonly param: string | null;
  readonly code: string;
}

const invalid = (param: string): Refusal => ({ status: 400, param, code: 'invalid_value' });
const tooLong = (param: string): Refusal => ({ status: 400, param, code: 'context_length_exceeded' });

describe('POST /v1/completions', () => {
  async function refusalOf(body: unknown, headers: Record<string, string> = {}): Promise<Refusal> {
    const response = await linnet.gateway.post(body, { headers });
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const { error } = await response.json();
    expect(error).toEqual({
      ...error,
      message: expect.stringMatching(/^[^\n]+$/),
      type: 'invalid_request_error',
    });
    return { status: response.status, param: error.param, code: error.code };
  }

  it.each<[string, object, Refusal]>([
    ['an empty prompt', { prompt: '' }, invalid('prompt')],
    ['an empty list as prompt', { prompt: [] }, invalid('prompt')],
    ['an object as prompt', { prompt: {} }, invalid('prompt')],
    ['a lone surrogate in the prompt', { prompt: 'a\ud800' }, invalid('prompt')],
    ['an empty prompt among others', { prompt: ['a', ''] }, invalid('prompt')],
    ['what is no prompt among others', { prompt: ['a', null] }, invalid('prompt')],
    ['a token id outside the vocabulary among others', { prompt: ['a', [50_257]] }, invalid('prompt')],
    [
      'a prompt longer than the context among others',
      { prompt: ['a', Array(257).fill(1)] },
      tooLong('prompt'),
    ],
    ['more prompts than there may be', { prompt: Array(2049).fill('a') }, invalid('prompt')],
    ['more choices of all prompts together', { prompt: Array(17).fill('a'), n: 128 }, invalid('n')],
    ['a token id that is no integer', { prompt: [1.5] }, invalid('prompt')],
    ['a token id outside the vocabulary', { prompt: [1, 50_257] }, invalid('prompt')],
    ['the largest token id of the wire', { prompt: [2 ** 32 - 1] }, invalid('prompt')],
    ['more token ids than the context', { prompt: Array(256).fill(1), max_tokens: 1 }, tooLong('prompt')],
    ['a text longer than the context', { prompt: 'word '.repeat(10_000), max_tokens: 1 }, tooLong('prompt')],
    ['one long word', { prompt: 'a'.repeat(60_000), max_tokens: 1 }, tooLong('prompt')],
    ['more tokens than there is room', { prompt: 'Hi', max_tokens: 256 }, tooLong('max_tokens')],
    ['all the tokens of the wire', { prompt: 'Hi', max_tokens: 2 ** 32 - 1 }, tooLong('max_tokens')],
    ['half a token', { max_tokens: 0.5 }, invalid('max_tokens')],
    ['a number that is text', { max_tokens: '5' }, invalid('max_tokens')],
    ['a number beyond the wire', { max_tokens: 2 ** 32 }, invalid('max_tokens')],
    ['a temperature below its range', { temperature: -0.1 }, invalid('temperature')],
    ['a temperature above its range', { temperature: 2.1 }, invalid('temperature')],
    ['top_p above its range', { top_p: 1.1 }, invalid('top_p')],
    ['a negative top_k', { top_k: -1 }, invalid('top_k')],
    ['a seed beyond 64 bits', { seed: '9223372036854775808' }, invalid('seed')],
    ['a seed that JSON can not hold', { seed: 2 ** 60 }, invalid('seed')],
    ['an empty stop string', { stop: '' }, invalid('stop')],
    ['five stop strings', { stop: ['a', 'b', 'c', 'd', 'e'] }, invalid('stop')],
    ['a stop string of 257 bytes', { stop: `${'ab'.repeat(128)}c` }, invalid('stop')],
    ['a word where true or false belongs', { stream: 'yes' }, invalid('stream')],
    ['stream_options without stream', { stream: false, stream_options: {} }, invalid('stream_options')],
    ['no choices', { n: 0 }, invalid('n')],
    ['fewer candidates than choices', { n: 3, best_of: 2 }, invalid('best_of')],
    ['six logprobs', { logprobs: 6 }, invalid('logprobs')],
    ['what comes after the completion', { suffix: 'the end' }, invalid('suffix')],
    ['more tokens at least than at most', { min_tokens: 3, max_tokens: 2 }, invalid('min_tokens')],
    ['a stop token outside the vocabulary', { stop_token_ids: [0, 50_257] }, invalid('stop_token_ids')],
    ['a bias of a token outside the vocabulary', { logit_bias: { 50257: 1 } }, invalid('logit_bias')],
    ['an unknown model', { model: 'gpt-5' }, { status: 404, param: 'model', code: 'model_not_found' }],
  ])('refuses %s, streamed and collected, and names the field', async (_, body, refusal) => {
    expect(await refusalOf(body)).toEqual(refusal);
    // Nothing is streamed yet, so it is said with a status of HTTP all the same.
    expect(await refusalOf({ stream: true, ...body })).toEqual(refusal);
  });

  const body = (status: number, code: string): Refusal => ({ status, param: null, code });

  it.each<[string, string | Uint8Array, Refusal]>([
    ['nothing', '', body(400, 'invalid_json')],
    ['half of it', '{"prompt":"Hi"', body(400, 'invalid_json')],
    ['what is no JSON', "{'prompt':'Hi'}", body(400, 'invalid_json')],
    ['a number that JSON does not know', '{"temperature":NaN}', body(400, 'invalid_json')],
    ['a list', '[]', body(400, 'invalid_value')],
    ['null', 'null', body(400, 'invalid_value')],
    ['bytes that are no UTF-8', Buffer.from('{"prompt":"caf\xe9"}', 'latin1'), body(400, 'invalid_utf8')],
    ['half a character', Buffer.from('{"prompt":"\xf0\x9f"}', 'latin1'), body(400, 'invalid_utf8')],
    ['UTF-16', Buffer.from('{"prompt":"Hi"}', 'utf16le'), body(400, 'invalid_json')],
    [
      'more than the limit',
      JSON.stringify({ prompt: 'x'.repeat(MAX_BODY_BYTES) }),
      body(413, 'request_too_large'),
    ],
  ])('refuses a body that is %s', async (_, bytes, refusal) => {
    expect(await refusalOf(bytes)).toEqual(refusal);
  });

  it('refuses a body that is small only while it is compressed', async () => {
    const bomb = gzipSync(JSON.stringify({ prompt: 'x'.repeat(10_000_000) }));
    expect(bomb.length).toBeLessThan(MAX_BODY_BYTES);
    expect(await refusalOf(bomb, { 'content-encoding': 'gzip' })).toEqual(body(413, 'request_too_large'));
    expect(await refusalOf(bomb.subarray(0, 100), { 'content-encoding': 'gzip' })).toMatchObject({
      status: 400,
    });
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json; charset=latin1',
    'multipart/form-data',
  ])('refuses a body declared as %s', async (type) => {
    const refusal = await refusalOf('{"prompt":"Hi"}', { 'content-type': type });
    expect(refusal).toEqual(body(415, 'unsupported_media_type'));
  });

  it('refuses more candidates than choices where they would be streamed', async () => {
    expect(await refusalOf({ best_of: 2, stream: true })).toEqual(invalid('best_of'));
    expect((await linnet.gateway.post({ best_of: 2, max_tokens: 1 })).status).toBe(200);
  });
});

describe('Any JSON', () => {
  /** The most that a request may ask for here, so that many can be tried. */
  const small = fc.constantFrom(0, 1, 2, 3, null, -1, '2', 300);

  it.each([
    ['/v1/completions', COMPLETION_FIELDS],
    ['/v1/score', SCORE_FIELDS],
    ['/tokenize', TOKENIZE_FIELDS],
    ['/detokenize', DETOKENIZE_FIELDS],
  ])('is served by POST %s, or refused with the name of a field', async (path, fields) => {
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(anyBody(fields), small, async (any, max_tokens) => {
        const isObject = typeof any === 'object' && any !== null && !Array.isArray(any);
        const body = isObject ? { ...any, max_tokens, timeout_ms: null } : any;
        const response = await linnet.gateway.post(JSON.stringify(body), { path });
        const answer = await response.text();
        seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
        expect([200, 400, 404]).toContain(response.status);
        if (response.status !== 200) {
          const { param } = JSON.parse(answer).error;
          if (isObject) expect(Object.keys(fields.shape)).toContain(param.split('.')[0]);
          else expect(param).toBeNull();
        } else if (answer.startsWith('data: ')) expect(answer).toMatch(/data: \[DONE\]\n\n$/);
      }),
      { numRuns: 150 },
    );
    expect(seen.get(200)).toBeGreaterThan(3);
    expect(seen.get(400)).toBeGreaterThan(3);
  });
});

describe('linnet.v1.Completion/Generate', () => {
  async function refusalOf(fields: Partial<GenerateRequest>): Promise<RichStatus | undefined> {
    const { messages, error } = await readAll(linnet.completion.generate(wireRequest(fields)));
    expect(messages).toEqual([]);
    expect(error).toBeDefined();
    const code = fields.model === undefined ? status.INVALID_ARGUMENT : status.NOT_FOUND;
    expect(error?.code).toBe(code);
    return error && decodeRichStatus(error);
  }

  const text = (value: string) => ({ $case: 'prompt', value }) as const;
  const ids = (...value: number[]) => ({ $case: 'promptTokenIds', value: { ids: value } }) as const;
  const INVALID = 'INVALID_FIELD';
  const TOO_LONG = 'CONTEXT_LENGTH_EXCEEDED';

  it.each<[string, Partial<GenerateRequest>, string, string]>([
    ['an empty prompt', { input: text('') }, INVALID, 'prompt'],
    ['no token ids', { input: ids() }, INVALID, 'prompt_token_ids'],
    ['a token id outside the vocabulary', { input: ids(1, 50_257) }, INVALID, 'prompt_token_ids.ids[1]'],
    [
      'a text longer than the context',
      { input: text('word '.repeat(10_000)), maxTokens: 1 },
      TOO_LONG,
      'prompt',
    ],
    [
      'more token ids than the context',
      { input: ids(...Array(256).fill(1)), maxTokens: 1 },
      TOO_LONG,
      'prompt_token_ids',
    ],
    ['more tokens than there is room', { maxTokens: 256 }, TOO_LONG, 'max_tokens'],
    ['a temperature above its range', { temperature: 2.1 }, INVALID, 'temperature'],
    ['a temperature that is no number', { temperature: Number.NaN }, INVALID, 'temperature'],
    ['an infinite top_p', { topP: Number.POSITIVE_INFINITY }, INVALID, 'top_p'],
    ['an empty stop string', { stop: [''] }, INVALID, 'stop'],
    ['five stop strings', { stop: ['a', 'b', 'c', 'd', 'e'] }, INVALID, 'stop'],
    ['a cancel key that can be guessed', { cancelKey: '1' }, INVALID, 'cancel_key'],
    ['an unknown model', { model: 'gpt-5' }, 'MODEL_NOT_FOUND', 'model'],
  ])('refuses %s, and names the field', async (_, fields, reason, field) => {
    expect(await refusalOf(fields)).toMatchObject({ reason, field });
  });

  it.each([
    ['a prompt', wireRequest({ input: text('caf\u0001') })],
    ['a stop string', wireRequest({ stop: ['caf\u0001'] })],
    ['a model', wireRequest({ model: 'caf\u0001' })],
  ])('refuses %s that is no UTF-8', async (_, request) => {
    const message = Buffer.from(GenerateRequest.encode(request).finish());
    message[message.indexOf(1)] = 0xe9;
    const answer = await callRaw(linnet.target, { path: '/linnet.v1.Completion/Generate', message });
    expect(answer).toMatchObject({
      'grpc-status': String(status.INVALID_ARGUMENT),
      'grpc-message': expect.stringMatching(/UTF-8/),
    });
  });

  it('serves or refuses any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (message) => {
        const answer = await callRaw(linnet.target, { path: '/linnet.v1.Completion/Generate', message });
        expect([status.OK, status.INVALID_ARGUMENT, status.NOT_FOUND]).toContain(
          Number(answer['grpc-status']),
        );
      }),
      { numRuns: 100 },
    );
  });
});
