import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fixtureCheckpoint, fixtureNames, readReference } from '../../support/fixtures.js';
import { loadModelUnderTest, logitsInPieces } from '../../support/model-under-test.js';
import { perplexityOf } from '../../support/perplexity.js';

// The fixtures' weights are random and large, so rounding shows more than in a trained model: the bounds say that the
// quantized graph computes the same model. What it costs on real text: precision.test.ts.
const BOUNDS = [
  { bits: 8, blockSize: 16, maxRelativeError: 0.04, maxPerplexityChange: 0.04 },
  { bits: 8, blockSize: 128, maxRelativeError: 0.04, maxPerplexityChange: 0.04 },
  { bits: 4, blockSize: 16, maxRelativeError: 0.35, maxPerplexityChange: 0.2 },
] as const;

/** What random shapes are allowed beyond that: six layers without any scaling of attention add up more rounding. */
const RANDOM_FACTOR = 2.5;

describe.each(BOUNDS)(
  'the graph at $bits bits in blocks of $blockSize',
  ({ maxRelativeError, maxPerplexityChange, ...scheme }) => {
    const cacheDirectory = mkdtempSync(join(tmpdir(), 'linnet-'));
    afterAll(() => rmSync(cacheDirectory, { recursive: true }));

    it.each(fixtureNames())('stays near the logits of transformers on "%s"', async (name) => {
      const { inputIds, logitPositions, logits: expected, perplexity } = readReference(name);
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
      const factor = isAbsolute(name) ? RANDOM_FACTOR : 1;
      expect(Math.sqrt(squaredError / squared)).toBeLessThan(factor * maxRelativeError);
      const change = perplexityOf(logits, inputIds, vocabSize) / perplexity - 1;
      expect(Math.abs(change)).toBeLessThan(factor * maxPerplexityChange);
    });
  },
);
