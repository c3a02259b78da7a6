import { describe, expect, it } from 'vitest';
import { F32_ATTENTION } from '../../../src/engine/attention/f32-attention.js';
import { INTEGER_ATTENTION } from '../../../src/engine/attention/integer-attention.js';
import { bytesPerPosition } from '../../../src/engine/kv-cache/kv-part.js';
import { F32_FORMAT } from '../../../src/engine/weights/f32-format.js';
import { fixtureCheckpoint, fixtureNames, readReference } from '../../support/fixtures.js';
import { loadModelUnderTest, logitsInPieces } from '../../support/model-under-test.js';
import { relativeError } from '../../support/relative-error.js';

// Only keys, values and what they are multiplied with are in 8 bits here, so that rounding shows by itself.
const FORMAT = { ...F32_FORMAT, attention: async () => INTEGER_ATTENTION };

async function errorOn(name: string, pieces: readonly number[]): Promise<number> {
  const reference = readReference(name);
  const model = await loadModelUnderTest(fixtureCheckpoint(name), FORMAT);
  const logits = await logitsInPieces(model, reference.inputIds, pieces);
  await model.runner.release();
  return relativeError(logits, reference, model.config.vocabSize);
}

describe('attention in 8 bits', () => {
  it.each(fixtureNames())('stays near transformers on "%s", by chunks and token by token', async (name) => {
    for (const pieces of [[16], [40], [16, 1]]) expect(await errorOn(name, pieces)).toBeLessThan(0.02);
  });

  it('takes little more than a quarter of the memory', () => {
    const shape = { numLayers: 12, numHeads: 12, headWidth: 64 };
    const [small, large] = [INTEGER_ATTENTION, F32_ATTENTION].map((format) =>
      bytesPerPosition(format.parts(shape), shape),
    );
    expect(large).toBe(73_728);
    expect(small! / large!).toBeLessThan(0.28);
  });
});
