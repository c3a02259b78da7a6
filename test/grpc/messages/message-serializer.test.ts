import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CompletionService, GenerateResponse } from '../../../src/contract/gen/linnet/v1/completion.js';
import { toGenerateResponse } from '../../../src/grpc/messages/generate-response.js';
import { createSerializer } from '../../../src/grpc/messages/message-serializer.js';

const DETAILS = { requestId: 'r', seed: 1n, returnPromptTokenIds: false };

const delta = fc.record({
  type: fc.constant('delta' as const),
  text: fc.string({ unit: 'grapheme' }),
  tokenIds: fc.array(fc.nat(50_256)),
  tokenBytes: fc.uint8Array({ maxLength: 1000 }),
  index: fc.nat(127),
  logprobs: fc.constant([]),
  echoedTokens: fc.constant(0),
});

describe('createSerializer', () => {
  it('makes the bytes that the generated code makes, message after message', () => {
    const serialize = createSerializer(GenerateResponse);
    const kept: { bytes: Buffer; expected: Buffer }[] = [];
    fc.assert(
      fc.property(delta, (event) => {
        const response = toGenerateResponse(event, DETAILS);
        const expected = CompletionService.generate.responseSerialize(response);
        const bytes = serialize(response);
        expect(bytes.equals(expected)).toBe(true);
        kept.push({ bytes, expected });
      }),
    );
    // None of them was written over by a later one.
    for (const { bytes, expected } of kept) expect(bytes.equals(expected)).toBe(true);
  });

  it('leaves nothing of a message that can not be encoded in the next one', () => {
    const serialize = createSerializer(GenerateResponse);
    const good = toGenerateResponse(
      {
        type: 'delta',
        index: 0,
        logprobs: [],
        echoedTokens: 0,
        text: 'a',
        tokenIds: [1],
        tokenBytes: Buffer.from('a'),
      },
      DETAILS,
    );
    const bad = structuredClone(good);
    if (bad.event?.$case === 'delta') bad.event.value.tokenIds = [1, -5];
    expect(() => serialize(bad)).toThrow();
    expect(GenerateResponse.decode(serialize(good))).toEqual(good);
  });
});
