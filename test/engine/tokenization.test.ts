import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/index.js';
import { createTestEngine } from '../support/engine-under-test.js';

let engine: Engine;
beforeAll(() => {
  engine = createTestEngine();
});
afterAll(() => engine.close());

describe('tokenize', () => {
  it('gives tokens whose bytes are the text, with where each begins', async () => {
    const texts = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 30 }),
      fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => !/\p{Surrogate}/u.test(text)),
      fc.constantFrom('', 'a<|endoftext|>é😀', '\ufeff<|endoftext|>'),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const { tokens, model } = await engine.tokenize('', text);
        expect(model).toBe('tiny');
        const bytes = Buffer.from(text);
        expect(Buffer.concat(tokens.map((token) => token.bytes))).toEqual(bytes);
        for (const { byteOffset, textOffset, bytes: own } of tokens) {
          expect(bytes.subarray(byteOffset, byteOffset + own.length).equals(own)).toBe(true);
          // The characters that are whole before it: one that it cuts begins where it is said to begin.
          const before = new TextDecoder('utf-8', { ignoreBOM: true });
          expect(textOffset).toBe([...before.decode(bytes.subarray(0, byteOffset), { stream: true })].length);
        }
        const ids = tokens.map(({ id }) => id);
        expect(await engine.detokenize('', ids)).toMatchObject({ model: 'tiny', text });
      }),
    );
  });

  it('loads no model, and tells its context once that is known', async () => {
    const fresh = createTestEngine();
    try {
      expect(await fresh.tokenize('tiny', 'a')).toMatchObject({ contextLength: undefined });
      expect(fresh.models()[0]!.state).toBe('unloaded');
      await fresh.load();
      expect(await fresh.tokenize('', 'a')).toMatchObject({ contextLength: 256 });
    } finally {
      await fresh.close();
    }
  });

  it('knows which models there are', async () => {
    const error = { reason: 'MODEL_NOT_FOUND', field: 'model' };
    await expect(engine.tokenize('gpt-5', 'a')).rejects.toMatchObject(error);
    await expect(engine.detokenize('gpt-5', [1])).rejects.toMatchObject(error);
  });
});

describe('detokenize', () => {
  it('gives the exact bytes, and U+FFFD in the text for what is no character', async () => {
    const { text, bytes } = await engine.detokenize('', [447, 64]);
    expect(text).toBe('\ufffda');
    expect([...bytes]).toEqual([0xe2, 0x80, 0x61]);
  });

  it('refuses a token outside the vocabulary', async () => {
    const error = { reason: 'INVALID_FIELD', field: 'token_ids[1]' };
    await expect(engine.detokenize('', [0, 50_257])).rejects.toMatchObject(error);
  });
});
