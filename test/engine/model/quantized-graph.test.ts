import { closeSync, cpSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/engine/model/checkpoint.js';
import { blockFormat } from '../../../src/engine/weights/block-format.js';
import { INTEGER_FORMAT } from '../../../src/engine/weights/integer-format.js';
import { fixtureCheckpoint, fixtureNames, readReference } from '../../support/fixtures.js';
import { loadModelUnderTest, logitsInPieces } from '../../support/model-under-test.js';
import { perplexityOf } from '../../support/perplexity.js';
import { relativeError } from '../../support/relative-error.js';

// The fixtures' weights are random and large, so rounding shows more than in a trained model: the bounds say that the
// quantized graph computes the same model. What it costs on real text: precision.test.ts.
const BOUNDS = [
  { format: blockFormat({ bits: 8, blockSize: 16 }), maxRelativeError: 0.04, maxPerplexityChange: 0.04 },
  { format: blockFormat({ bits: 8, blockSize: 128 }), maxRelativeError: 0.04, maxPerplexityChange: 0.04 },
  { format: INTEGER_FORMAT, maxRelativeError: 0.04, maxPerplexityChange: 0.04 },
  { format: blockFormat({ bits: 4, blockSize: 16 }), maxRelativeError: 0.35, maxPerplexityChange: 0.2 },
] as const;

/** What random shapes are allowed beyond that: six layers without any scaling of attention add up more rounding. */
const RANDOM_FACTOR = 2.5;

describe.each(BOUNDS)('the graph at $format.name', ({ maxRelativeError, maxPerplexityChange, format }) => {
  const cacheDirectory = mkdtempSync(join(tmpdir(), 'linnet-'));
  afterAll(() => rmSync(cacheDirectory, { recursive: true }));

  it.each(fixtureNames())('stays near the logits of transformers on "%s"', async (name) => {
    const reference = readReference(name);
    const { inputIds, perplexity } = reference;
    const model = await loadModelUnderTest(fixtureCheckpoint(name), format, cacheDirectory);
    const { vocabSize } = model.config;
    const factor = isAbsolute(name) ? RANDOM_FACTOR : 1;
    for (const piece of [16, 40]) {
      const logits = await logitsInPieces(model, inputIds, [piece]);
      expect(relativeError(logits, reference, vocabSize)).toBeLessThan(factor * maxRelativeError);
      const change = perplexityOf(logits, inputIds, vocabSize) / perplexity - 1;
      expect(Math.abs(change)).toBeLessThan(factor * maxPerplexityChange);
    }
    await model.runner.release();
  });
});

describe('the graph at i8', () => {
  const directory = mkdtempSync(join(tmpdir(), 'linnet-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  it('gives the same bits where the product must not overflow', async () => {
    // As on a processor without VNNI: its weights are made u8.
    const careful = { ...INTEGER_FORMAT, sessionSettings: async () => ({ x64quantprecision: '1' }) };
    const ids = Int32Array.from({ length: 40 }, (_, i) => 6 * i);
    const [plain, other] = [INTEGER_FORMAT, careful].map(async (format) => {
      const model = await loadModelUnderTest(fixtureCheckpoint('wide'), format, directory);
      const logits = await logitsInPieces(model, ids, [16]);
      await model.runner.release();
      return logits;
    });
    expect(await other).toEqual(await plain);
  });

  it('takes rows, inputs and outputs that are all zero', async () => {
    const copy = join(directory, 'zeros');
    cpSync(fixtureCheckpoint('relu'), copy, { recursive: true });
    // No value, and no activation behind relu.
    erase(copy, 'h.0.attn.c_attn.weight');
    erase(copy, 'h.0.attn.c_attn.bias');
    erase(copy, 'h.1.mlp.c_fc.weight');
    erase(copy, 'h.1.mlp.c_fc.bias');
    const ids = Int32Array.from({ length: 20 }, (_, i) => 7 * i);
    const [expected, actual] = [
      await loadModelUnderTest(copy),
      await loadModelUnderTest(copy, INTEGER_FORMAT, directory),
    ];
    const logits = await logitsInPieces(expected, ids, [16]);
    const quantized = await logitsInPieces(actual, ids, [16]);
    await Promise.all([expected.runner.release(), actual.runner.release()]);
    const largest = logits.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
    for (const [at, logit] of logits.entries())
      expect(Math.abs(quantized[at]! - logit)).toBeLessThan(largest / 20);
  });
});

/** Overwrites a tensor with zeros. */
function erase(directory: string, name: string): void {
  const { file, byteOffset, byteLength } = openCheckpoint(directory).weights.get(name)!;
  const fd = openSync(file, 'r+');
  writeSync(fd, new Uint8Array(byteLength), 0, byteLength, byteOffset);
  closeSync(fd);
}
