import { describe, expect, it } from 'vitest';
import { GenerateResponse } from '../../../src/contract/gen/linnet/v1/completion.js';
import type { GenerateEvent } from '../../../src/engine/index.js';
import { toGenerateResponse } from '../../../src/grpc/messages/generate-response.js';
import { accepted, delta, finished } from '../../support/scripted-engine.js';

const details = { requestId: 'r-1', seed: 2n ** 53n - 1n, returnPromptTokenIds: false };

/** What a reader gets: the response, encoded and decoded. */
function received(event: GenerateEvent, overrides = {}) {
  const response = toGenerateResponse(event, { ...details, ...overrides });
  return GenerateResponse.decode(GenerateResponse.encode(response).finish()).event;
}

describe('toGenerateResponse', () => {
  it('maps accepted, with the request id and the seed in use', () => {
    const value = {
      requestId: 'r-1',
      model: 'test-model',
      seed: 2n ** 53n - 1n,
      promptTokens: 5,
      cachedTokens: 2,
      systemFingerprint: 'fp_test',
      prompts: [],
    };
    expect(received(accepted())).toEqual({ $case: 'accepted', value });
    expect(received(accepted(), { returnPromptTokenIds: true })).toEqual({
      $case: 'accepted',
      value: { ...value, prompts: [{ ids: [1, 2, 3, 4, 5] }] },
    });
  });

  it('maps a delta, bytes of half a character included', () => {
    const given = { tokenIds: [0, 50256], tokenBytes: Buffer.of(0xc3), index: 3, echoedTokens: 1 };
    const value = { text: '', logprobs: [], ...given };
    expect(received(delta('', given))).toEqual({ $case: 'delta', value });
  });

  it('maps logprobs, those of the first token of a prompt included', () => {
    const top = [{ tokenId: 0, tokenBytes: Buffer.from('!'), logprob: -0.5 }];
    const first = {
      logprob: undefined,
      rank: undefined,
      tokenBytes: Buffer.of(0xc3),
      textOffset: 0,
      top: [],
    };
    const second = { logprob: -9999, rank: 50_257, tokenBytes: Buffer.alloc(0), textOffset: 7, top };
    expect(received(delta('', { logprobs: [first, second] }))).toMatchObject({
      value: { logprobs: [first, second] },
    });
  });

  it('maps the bytes of a view, not of the buffer below it', () => {
    const tokenBytes = new Uint8Array(Buffer.from('before and after').buffer.slice(0)).subarray(1, 3);
    expect(received(delta('', { tokenBytes }))).toMatchObject({
      value: { tokenBytes: Buffer.from(tokenBytes) },
    });
  });

  it.each([
    ['length', undefined, 2, undefined],
    ['stop', 'END', 1, { $case: 'stopString', value: 'END' }],
    ['stop', 50256, 1, { $case: 'stopTokenId', value: 50256 }],
    ['stop', 0, 1, { $case: 'stopTokenId', value: 0 }],
  ] as const)('maps finished by %s %o', (finishReason, stop, wireReason, wireStop) => {
    const event = { ...finished(2), finishReason, stop };
    expect(received(event)).toEqual({
      $case: 'finished',
      value: {
        index: 2,
        finishReason: wireReason,
        stop: wireStop,
        usage: { promptTokens: 5, completionTokens: 3, cachedTokens: 2, acceptedPredictionTokens: 1 },
        timings: { queueMs: 1, prefillMs: 2, decodeMs: 3 },
      },
    });
  });

  it('keeps the text of a delta', () => {
    expect(received(delta('Hé🐦'))).toMatchObject({ value: { text: 'Hé🐦' } });
  });
});
