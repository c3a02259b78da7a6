import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fixtureCheckpoint, fixtureNames, readReference } from '../../support/fixtures.js';
import { loadModelUnderTest, logitsInPieces } from '../../support/model-under-test.js';

// The fixtures' weights are random and large, so rounding shows more than in a trained model: the bounds say that the
// quantized graph computes the same model. What it costs in perplexity is measured on real text: docs/engine.md.
const BOUNDS = [
  { bits: 8, blockSize: 16, maxRelativeError: 0.04 },
  { bits: 8, blockSize: 128, maxRelativeError: 0.04 },
  { bits: 4, blockSize: 16, maxRelativeError: 0.35 },
] as const;

describe.each(BOUNDS)(
  'the graph at $bits bits in blocks of $blockSize',
  ({ maxRelativeError, ...scheme }) => {
    const cacheDirectory = mkdtempSync(join(tmpdir(), 'linnet-'));
    afterAll(() => rmSync(cacheDirectory, { recursive: true }));

    it.each(fixtureNames())('stays near the logits of transformers on "%s"', async (name) => {
      const { inputIds, logitPositions, logits: expected } = readReference(name);
      const model = await loadModelUnderTest(fixtureCheckpoint(name), { scheme, cacheDirectory });
      const { vocabSize } = model.config;
      const logits = await logitsInPieces(model, inputIds, [16]);
      await model.runner.release();
      let [squaredError, squared] = [0, 0];
      for (const [row, position] of logitPositions.entries()) {
        for (let token = 0; token < vocabSize; token++) {
          const reference = expected[row * vocabSize + token]!;
          squaredError += (logits[position * vocabSize + token]! - reference) ** 2;
          squared += reference ** 2;
        }
      }
      expect(Math.sqrt(squaredError / squared)).toBeLessThan(maxRelativeError);
    });
  },
);
