import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GenerateRequest } from '../../../src/contract/gen/linnet/v1/completion.js';
import { EngineError } from '../../../src/engine/index.js';
import { decodeRequest } from '../../../src/grpc/messages/decode-request.js';

function encode(prompt: string): Uint8Array {
  return GenerateRequest.encode({
    model: '',
    input: { $case: 'prompt', value: prompt },
    stop: [],
    logitBias: {},
    stopTokenIds: [],
    prompts: [],
  }).finish();
}

describe('decodeRequest', () => {
  it('decodes every string as it was sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (prompt) => {
        expect(decodeRequest(GenerateRequest, encode(prompt)).input?.value).toBe(prompt);
      }),
    );
  });

  it('keeps a byte order mark', () => {
    expect(decodeRequest(GenerateRequest, encode('\uFEFFx')).input?.value).toBe('\uFEFFx');
  });

  it.each([
    ['a byte that begins nothing', [0xff]],
    ['half a character', [0xc3]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
  ])('refuses a string with %s', (_what, bytes) => {
    const message = Uint8Array.of(0x12, bytes.length, ...bytes);
    expect(() => decodeRequest(GenerateRequest, message)).toThrow('must be valid UTF-8');
  });

  it.each([
    ['model', 1],
    ['prompt', 2],
    ['stop[1]', 9],
    ['cancel_key', 10],
  ])('says that it is `%s`', (field, number) => {
    const ok = Uint8Array.of(0x4a, 1, 0x41); // stop: "A"
    const message = Uint8Array.of(...ok, (number << 3) | 2, 1, 0xff);
    const refused = expect.objectContaining({ field, message: `\`${field}\` must be valid UTF-8.` });
    expect(() => decodeRequest(GenerateRequest, message)).toThrow(refused);
  });

  it('says in which text of a list it is', () => {
    const texts = [[0x41], [0xff]].map((bytes) => [0x9a, 0x01, 3, 0x0a, 1, ...bytes]); // prompts: { text }
    const field = 'prompts[1].text';
    expect(() => decodeRequest(GenerateRequest, Uint8Array.from(texts.flat()))).toThrow(
      expect.objectContaining({ field }),
    );
  });

  it('takes the last of two where one may be, whatever the first was', () => {
    const message = Uint8Array.of(0x12, 1, 0xff, 0x12, 1, 0x41);
    expect(decodeRequest(GenerateRequest, message).input?.value).toBe('A');
  });

  it('throws nothing but INVALID_FIELD, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodeRequest(GenerateRequest, bytes);
        } catch (caught) {
          expect(caught).toBeInstanceOf(EngineError);
          expect(caught).toMatchObject({ reason: 'INVALID_FIELD' });
        }
      }),
    );
  });
});
