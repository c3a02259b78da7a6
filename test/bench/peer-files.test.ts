import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/engine/model/checkpoint.js';
import { readTensorBytes } from '../../src/engine/model/safetensors.js';
import { roundUp } from '../../src/engine/model/step-inputs.js';
import { fixtureCheckpoint, readReference } from '../support/fixtures.js';
import { loadModelUnderTest, logitsInPieces } from '../support/model-under-test.js';
import { relativeError } from '../support/relative-error.js';

const CHECKPOINT = fixtureCheckpoint('untied');
const reference = readReference('untied');
const { config, weights } = openCheckpoint(CHECKPOINT);

// Not typed, and not compiled: the bench is plain JavaScript.
const importBench = (name: string) =>
  import(new URL(`../../bench/support/${name}.mjs`, import.meta.url).href);

describe('files that the bench makes of a checkpoint', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'linnet-peer-files-test-'));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('GGUF at f32 has every weight that llama.cpp does not want transposed, aligned', async () => {
    const bytes = await writeGguf('f32');
    expect(bytes.subarray(0, 4).toString()).toBe('GGUF');
    for (const [name, tensor] of weights) {
      if (/\.c_(attn|proj|fc)\.weight$/.test(name)) continue;
      const at = bytes.indexOf(readTensorBytes(tensor));
      expect(at, name).toBeGreaterThan(0);
      expect(at % 32, name).toBe(0);
    }
  });

  it.each([
    ['q8', 34],
    ['q4', 18],
  ])('GGUF at %s takes %i bytes for 32 weights of a matrix in place of 128', async (precision, bytes) => {
    const saved = matrixSizes().map((size) => 4 * size - roundUp((size / 32) * bytes, 32));
    const full = await writeGguf('f32');
    expect(full.length - (await writeGguf(precision)).length).toBe(saved.reduce((sum, each) => sum + each));
  });

  it.each([
    ['f32', 'model.onnx', 1e-5],
    ['q8', 'model_quantized.onnx', 0.04],
  ])("the ONNX export at %s computes transformers' logits", async (precision, file, bound) => {
    const { writeOnnxExport } = await importBench('onnx-export');
    writeOnnxExport(folder, CHECKPOINT, precision);
    const logits = await runExport(join(folder, 'onnx', file), reference.inputIds);
    expect(relativeError(logits, reference, config.vocabSize)).toBeLessThan(bound);
  });

  it('an ONNX export that was cut short is none', async () => {
    const { isExported, writeOnnxExport } = await importBench('onnx-export');
    const cut = join(folder, 'cut');
    expect(() => writeOnnxExport(cut, CHECKPOINT, 'none')).toThrow();
    expect(isExported(cut, 'q8')).toBe(false);
    writeOnnxExport(cut, CHECKPOINT, 'q8');
    expect([isExported(cut, 'q8'), isExported(cut, 'f32')]).toEqual([true, false]);
  });

  it('a checkpoint with outliers computes the same logits', async () => {
    const { outlierCheckpoint } = await importBench('outlier-checkpoint');
    const directory = outlierCheckpoint(CHECKPOINT, join(folder, 'outliers'), 8);
    const norm = (from: string) => readTensorBytes(openCheckpoint(from).weights.get('h.0.ln_1.weight')!);
    expect(norm(directory)).not.toEqual(norm(CHECKPOINT));
    const logits = await logitsInPieces(await loadModelUnderTest(directory), reference.inputIds, [8]);
    expect(relativeError(logits, reference, config.vocabSize)).toBeLessThan(1e-5);
  });

  async function writeGguf(precision: string): Promise<Buffer> {
    const path = join(folder, `${precision}.gguf`);
    await (await importBench('gguf')).writeGguf(path, CHECKPOINT, precision);
    return readFileSync(path);
  }
});

/** Of all matrices but the position embeddings. */
function matrixSizes(): number[] {
  const matrices = [...weights].filter(([name, { shape }]) => shape.length === 2 && name !== 'wpe.weight');
  return matrices.map(([, { shape }]) => shape[0]! * shape[1]!);
}

/** The logits of every token, as transformers.js asks for them: nothing cached, and nothing padded. */
async function runExport(path: string, ids: Int32Array): Promise<Float32Array> {
  const session = await InferenceSession.create(path);
  const row = (values: Iterable<number>) =>
    new Tensor('int64', BigInt64Array.from(values, BigInt), [1, ids.length]);
  const feeds: Record<string, Tensor> = {
    input_ids: row(ids),
    attention_mask: row(ids.map(() => 1)),
    position_ids: row(ids.keys()),
    num_logits_to_keep: new Tensor('int64', BigInt64Array.of(0n), []),
  };
  const { numHeads, hiddenSize } = config;
  for (const name of session.inputNames.filter((each) => each.startsWith('past_key_values'))) {
    feeds[name] = new Tensor('float32', new Float32Array(0), [1, numHeads, 0, hiddenSize / numHeads]);
  }
  const { logits } = await session.run(feeds);
  return logits!.data as Float32Array;
}
