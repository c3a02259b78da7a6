import { describe, expect, it } from 'vitest';
import { GenerateResponse } from '../../src/contract/gen/linnet/v1/completion.js';
import type { FinishedEvent } from '../../src/engine/index.js';
import { toGenerateResponse } from '../../src/grpc/generate-response.js';
import { accepted, delta, finished } from '../support/scripted-engine.js';

const details = { requestId: 'r-1', seed: 2n ** 53n - 1n };

/** What a reader gets: the response, encoded and decoded. */
function received(event: Parameters<typeof toGenerateResponse>[0]) {
  return GenerateResponse.decode(GenerateResponse.encode(toGenerateResponse(event, details)).finish()).event;
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
    };
    expect(received(accepted())).toEqual({ $case: 'accepted', value });
  });

  it('maps a delta, bytes of half a character included', () => {
    const event = { type: 'delta', text: '', tokenIds: [0, 50256], tokenBytes: Uint8Array.of(0xc3) } as const;
    const value = { text: '', tokenIds: [0, 50256], tokenBytes: Buffer.of(0xc3) };
    expect(received(event)).toEqual({ $case: 'delta', value });
  });

  it('maps the bytes of a view, not of the buffer below it', () => {
    const tokenBytes = new Uint8Array(Buffer.from('before and after').buffer.slice(0)).subarray(1, 3);
    const event = { type: 'delta', text: '', tokenIds: [], tokenBytes } as const;
    expect(received(event)).toMatchObject({ value: { tokenBytes: Buffer.from(tokenBytes) } });
  });

  it.each([
    ['length', undefined, 2, undefined],
    ['stop', 'END', 1, { $case: 'stopString', value: 'END' }],
    ['stop', 50256, 1, { $case: 'stopTokenId', value: 50256 }],
    ['stop', 0, 1, { $case: 'stopTokenId', value: 0 }],
  ] as const)('maps finished by %s %o', (finishReason, stop, wireReason, wireStop) => {
    const event = { ...(finished() as FinishedEvent), finishReason, stop };
    expect(received(event)).toEqual({
      $case: 'finished',
      value: {
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
