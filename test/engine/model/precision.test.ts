import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Precision } from '../../../src/engine/engine.js';
import { createTokenizer } from '../../../src/engine/text/tokenizer.js';
import { MATRIX_FORMATS } from '../../../src/engine/weights/matrix-formats.js';
import { ROOT } from '../../support/linnet-process.js';
import { loadModelUnderTest, logitsInPieces } from '../../support/model-under-test.js';
import { perplexityOf } from '../../support/perplexity.js';

const CONTEXT = 512;
const END_OF_TEXT = 50_256;
const NUM_DOCUMENTS = 16;
// docs/engine.md states these bounds. The embedded model is small: larger ones lose less.
const BOUNDS = [
  { precision: 'q8', maxRise: 0.005 },
  { precision: 'i8', maxRise: 0.005 },
  { precision: 'q4', maxRise: 0.35 },
] as const;

const cacheDirectory = mkdtempSync(join(tmpdir(), 'linnet-precision-'));
afterAll(() => rmSync(cacheDirectory, { recursive: true }));

/** The mean loss of held-out documents, weighted by their tokens, as a perplexity. */
async function perplexity(documents: readonly Int32Array[], precision: Precision): Promise<number> {
  const model = await loadModelUnderTest(
    join(ROOT, 'models/fable'),
    MATRIX_FORMATS[precision],
    cacheDirectory,
  );
  let [loss, count] = [0, 0];
  for (const ids of documents) {
    const logits = await logitsInPieces(model, ids, [64]);
    loss += Math.log(perplexityOf(logits, ids, model.config.vocabSize)) * (ids.length - 1);
    count += ids.length - 1;
  }
  await model.runner.release();
  return Math.exp(loss / count);
}

describe('the perplexity of the embedded model on held-out text', () => {
  let documents: Int32Array[];
  let reference: number;
  beforeAll(async () => {
    const tokenizer = await createTokenizer();
    const texts = readFileSync(join(ROOT, 'test/fixtures/held-out.txt'), 'utf8').split('<|endoftext|>');
    documents = texts.slice(0, NUM_DOCUMENTS).map((text) => {
      const encoding = tokenizer.encode(text.trim(), 1e6);
      if (encoding.tooLong) throw new Error('It fits.');
      return Int32Array.from([END_OF_TEXT, ...encoding.ids]).subarray(0, CONTEXT);
    });
    reference = await perplexity(documents, 'f32');
  });

  it.each(BOUNDS)('rises by no more than the stated bound at $precision', async ({ precision, maxRise }) => {
    const rise = (await perplexity(documents, precision)) / reference - 1;
    expect(rise).toBeLessThan(maxRise);
    // A quantized model that is better would be another model.
    expect(rise).toBeGreaterThan(-0.005);
  });
});
