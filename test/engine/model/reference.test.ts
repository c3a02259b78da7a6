import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtureCheckpoint, fixtureNames, readReference } from '../../support/fixtures.js';
import { loadModelUnderTest, logitsInPieces, type ModelUnderTest } from '../../support/model-under-test.js';
import { perplexityOf } from '../../support/perplexity.js';

// The reference is Hugging Face transformers on PyTorch in f32: test/fixtures/make_checkpoints.py.
const TOLERANCE = 1e-4;

describe.each(fixtureNames())('the graph of checkpoint "%s"', (name) => {
  const reference = readReference(name);
  let model: ModelUnderTest;

  beforeAll(async () => {
    model = await loadModelUnderTest(fixtureCheckpoint(name));
  });
  afterAll(() => model.runner.release());

  it.each([
    ['at once', [reference.inputIds.length]],
    ['in chunks of 16', [16]],
    ['in uneven chunks', [7, 1, 30, 2, 64]],
    ['token by token', [1]],
  ])('gives the logits of transformers when the prompt is computed %s', async (_, pieces) => {
    const { inputIds, logitPositions, logits: expected } = reference;
    const { vocabSize } = model.config;
    const logits = await logitsInPieces(model, inputIds, pieces);
    let worst = 0;
    for (const [row, position] of logitPositions.entries()) {
      for (let token = 0; token < vocabSize; token++) {
        const error = Math.abs(logits[position * vocabSize + token]! - expected[row * vocabSize + token]!);
        worst = Math.max(worst, Number.isNaN(error) ? Infinity : error);
      }
    }
    expect(worst).toBeLessThan(TOLERANCE);
  });

  it('gives the perplexity of transformers', async () => {
    const { inputIds, perplexity } = reference;
    const { vocabSize } = model.config;
    const logits = await logitsInPieces(model, inputIds, [64]);
    expect(perplexityOf(logits, inputIds, vocabSize) / perplexity).toBeCloseTo(1, 4);
  });
});
