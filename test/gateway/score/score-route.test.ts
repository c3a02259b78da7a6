import { status as Code } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ScoreRequest, ScoreResponse } from '../../../src/contract/gen/linnet/v1/completion.js';
import { encodeRichStatus } from '../../../src/contract/rich-status.js';
import { ScriptedService } from '../../support/scripted-service.js';
import { startTestGateway, type TestGateway } from '../../support/test-gateway.js';

type UnaryAnswer = (error: object) => void;

let service: ScriptedService;
let gateway: TestGateway;

beforeEach(async () => {
  service = await ScriptedService.start();
  gateway = await startTestGateway({ engineAddress: service.address });
});

afterEach(async () => {
  await gateway.close();
  service.stop();
});

const SCORED: ScoreResponse = {
  requestId: 'id',
  model: 'fable',
  systemFingerprint: 'fp_test',
  scores: [
    {
      tokenIds: [640],
      logprobs: [
        {
          ...{ logprob: -0.5, rank: 1, tokenBytes: Buffer.from(' time'), textOffset: 0 },
          top: [{ tokenId: 640, tokenBytes: Buffer.from(' time'), logprob: -0.5 }],
        },
      ],
      ...{ logprob: -0.5, perplexity: Math.exp(0.5), isGreedy: true },
    },
    {
      tokenIds: [12],
      logprobs: [{ logprob: -9999, rank: 50_257, tokenBytes: Buffer.from([0xff]), textOffset: 0, top: [] }],
      ...{ logprob: -9999, perplexity: Number.POSITIVE_INFINITY, isGreedy: false },
    },
  ],
  usage: { promptTokens: 5, completionTokens: 0, cachedTokens: 3, acceptedPredictionTokens: 0 },
};

describe('POST /v1/score', () => {
  const post = (body: object, options = {}) => gateway.post(body, { path: '/v1/score', ...options });

  it('asks for continuations of a context, and answers with a score for each', async () => {
    let asked: ScoreRequest | undefined;
    service.score = ({ request }, reply) => {
      asked = request;
      reply(null, SCORED);
    };
    const response = await post({
      context: 'Once upon a',
      continuations: [' time', [12]],
      logprobs: 1,
      extra: 1,
    });
    expect(asked).toEqual({
      model: '',
      context: { input: { $case: 'text', value: 'Once upon a' } },
      continuations: [
        { input: { $case: 'text', value: ' time' } },
        { input: { $case: 'tokenIds', value: { ids: [12] } } },
      ],
      logprobs: 1,
      cancelKey: expect.stringMatching(/^[\w-]{36}$/),
    });
    expect(response.headers.get('x-linnet-ignored-fields')).toBe('extra');
    expect(await response.json()).toEqual({
      id: `score-${response.headers.get('x-request-id')}`,
      object: 'list',
      created: expect.any(Number),
      model: 'fable',
      system_fingerprint: 'fp_test',
      data: [
        {
          ...{ index: 0, object: 'score', score: -0.5, perplexity: Math.exp(0.5), is_greedy: true },
          ...{ token_ids: [640], token_ranks: [1] },
          logprobs: {
            ...{
              tokens: [' time'],
              token_logprobs: [-0.5],
              top_logprobs: [{ ' time': -0.5 }],
              text_offset: [0],
            },
          },
        },
        {
          ...{ index: 1, object: 'score', score: -9999, perplexity: Number.MAX_VALUE, is_greedy: false },
          ...{ token_ids: [12], token_ranks: [50_257] },
          logprobs: {
            tokens: ['bytes:\\xff'],
            ...{ token_logprobs: [-9999], top_logprobs: [{ 'bytes:\\xff': -9999 }], text_offset: [0] },
          },
        },
      ],
      usage: expect.objectContaining({ prompt_tokens: 5, completion_tokens: 0, total_tokens: 5 }),
    });
  });

  it('takes one continuation as it is, without a context', async () => {
    let asked: ScoreRequest | undefined;
    service.score = ({ request }, reply) => {
      asked = request;
      reply(null, { ...SCORED, scores: [] });
    };
    expect((await post({ continuations: [1, 2], context: null })).status).toBe(200);
    expect(asked).toMatchObject({
      context: undefined,
      continuations: [{ input: { $case: 'tokenIds', value: { ids: [1, 2] } } }],
    });
  });

  it.each([
    ['no continuations', {}, 'continuations'],
    ['null as continuations', { continuations: null }, 'continuations'],
    ['an empty continuation', { continuations: ['a', ''] }, 'continuations'],
    ['several contexts', { context: ['a', 'b'], continuations: 'c' }, 'context'],
    ['too many logprobs', { continuations: 'a', logprobs: 6 }, 'logprobs'],
  ])('refuses %s, and names the field', async (_, body, param) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect((await response.json()).error).toMatchObject({ param, code: 'invalid_value' });
  });

  it('says in the words of HTTP what the engine refuses', async () => {
    service.score = (_call, reply) =>
      reply(
        encodeRichStatus({
          reason: 'INVALID_FIELD',
          message: '`continuations[1].token_ids.ids[3]` must be in [0, 50257); got 60000.',
          field: 'continuations[1].token_ids.ids[3]',
        }),
      );
    const { error } = await (await post({ continuations: ['a', [0, 0, 0, 60_000]] })).json();
    expect(error).toMatchObject({
      param: 'continuations',
      message: '`continuations[1][3]` must be in [0, 50257); got 60000.',
    });
  });

  it('asks again where the connection breaks, once', async () => {
    let numAsked = 0;
    service.score = (_call, reply) => {
      numAsked++;
      if (numAsked === 1) reply({ code: Code.UNAVAILABLE, details: 'gone' });
      else reply(null, SCORED);
    };
    expect((await post({ continuations: 'a' })).status).toBe(200);
    service.score = (_call, reply) => {
      numAsked++;
      reply({ code: Code.UNAVAILABLE, details: 'gone' });
    };
    expect((await post({ continuations: 'a' })).status).toBe(503);
    expect(numAsked).toBe(4);
  });

  it('ends a call whose client leaves by its key, so that the connection need not carry a reset', async () => {
    let reply: UnaryAnswer | undefined;
    let wasReset = false;
    const asked = new Promise<string>((resolve) => {
      service.score = (call, respond) => {
        reply = respond as UnaryAnswer;
        call.on('cancelled', () => {
          wasReset = service.cancelKeys.length === 0;
        });
        resolve(call.request.cancelKey ?? '');
      };
    });
    service.onCancel = () => {
      reply?.(encodeRichStatus({ reason: 'CANCELLED', message: 'The request was cancelled.' }));
      return 1;
    };
    const client = new AbortController();
    const answer = post({ continuations: 'a' }, { signal: client.signal }).catch(() => 'left');
    const cancelKey = await asked;
    client.abort();
    expect(await answer).toBe('left');
    expect(await gateway.logged(1)).toMatchObject([{ status: 499 }]);
    await expect.poll(() => service.cancelKeys).toEqual([cancelKey]);
    expect(wasReset).toBe(false);
  });

  it('ends a call that takes too long, or whose client leaves', async () => {
    const cancelled: Promise<void>[] = [];
    let arrived = () => {};
    service.score = (call) => {
      cancelled.push(new Promise((resolve) => call.on('cancelled', () => resolve())));
      arrived();
    };
    const late = await post({ continuations: 'a', timeout_ms: 30 });
    expect(late.status).toBe(504);
    await cancelled[0];
    const client = new AbortController();
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const answer = post({ continuations: 'a' }, { signal: client.signal }).catch(() => 'left');
    await asked;
    client.abort();
    expect(await answer).toBe('left');
    await cancelled[1];
    expect(await gateway.logged(2)).toMatchObject([{ status: 504 }, { status: 499 }]);
  });
});
