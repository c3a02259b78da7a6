import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/engine/model/checkpoint.js';
import { GraphBuilder } from '../../../src/engine/model/graph-builder.js';
import { folderOf, readTensorBytes, type StoredTensor } from '../../../src/engine/model/safetensors.js';
import { createSession } from '../../../src/engine/model/session.js';
import { readTensorValues } from '../../../src/engine/model/tensor-values.js';
import { INTEGER_FORMAT } from '../../../src/engine/weights/integer-format.js';
import { INTEGER_HEAD } from '../../../src/engine/weights/integer-head.js';
import { openWeights } from '../../../src/engine/weights/quantized-cache.js';
import { fixtureCheckpoint } from '../../support/fixtures.js';

const checkpoint = openCheckpoint(fixtureCheckpoint('wide'));
const { config, weights: original } = checkpoint;
const { hiddenSize: E, vocabSize } = config;
const directory = mkdtempSync(join(tmpdir(), 'linnet-head-'));
afterAll(() => rmSync(directory, { recursive: true }));

let stored: ReadonlyMap<string, StoredTensor>;
let session: InferenceSession;
beforeAll(async () => {
  stored = openWeights(checkpoint, INTEGER_FORMAT, { directory, onProgress: () => {} });
  const graph = new GraphBuilder(folderOf(stored.values()));
  const hidden = graph.input('hidden', 'float32', ['R', E]);
  const weight = (name: string) => graph.stored(name, stored.get(name)!);
  const model = { graph, config, embeddings: hidden, weight };
  graph.output('logits', INTEGER_HEAD.product(model, hidden, hidden), 'float32');
  session = await createSession(graph.toModel(), { weights: stored, numThreads: 1, format: INTEGER_FORMAT });
});
afterAll(() => session.release());

/** Channels around zero, one of them so many times as large as it was. */
function hiddenRow(seed: number, factor = 1): Float32Array {
  const row = Float32Array.from({ length: E }, (_, channel) => Math.sin(1 + seed * 31 + channel * channel));
  row[5] = factor;
  return row;
}

async function logitsOf(...rows: readonly Float32Array[]): Promise<Float32Array[]> {
  const flat = Float32Array.from(rows.flatMap((row) => [...row]));
  const { logits } = await session.run({ hidden: new Tensor('float32', flat, [rows.length, E]) });
  expect(logits!.dims).toEqual([rows.length, vocabSize]);
  return rows.map((_, row) => (logits!.data as Float32Array).slice(row * vocabSize, (row + 1) * vocabSize));
}

/** The weights as they were rounded, [E, vocabulary]: what is left are the roundings of the row. */
function roundedWeights(): Float64Array {
  const scales = readTensorValues('scales', stored.get('wte.weight.scales')!);
  const levels = new Int8Array(readTensorBytes(stored.get('wte.weight.data')!).buffer);
  return Float64Array.from(levels, (level, at) => level * scales[at % vocabSize]!);
}

/** How far logits are from what the row gives without rounding it, beside what all channels but the large one give. */
function relativeError(row: Float32Array, logits: Float32Array): number {
  const matrix = roundedWeights();
  let [squaredError, squared] = [0, 0];
  for (let token = 0; token < vocabSize; token++) {
    const terms = Array.from(row, (channel, at) => channel * matrix[at * vocabSize + token]!);
    const exact = terms.reduce((sum, term) => sum + term, 0);
    squaredError += (logits[token]! - exact) ** 2;
    squared += (exact - terms[5]!) ** 2;
  }
  return Math.sqrt(squaredError / squared);
}

describe('the head at i8', () => {
  it('has weights within half a step of the checkpoint, which it stores the other way about', () => {
    const weights = readTensorValues('wte.weight', original.get('wte.weight')!);
    const scales = readTensorValues('scales', stored.get('wte.weight.scales')!);
    for (const [at, rounded] of roundedWeights().entries()) {
      const [channel, token] = [Math.floor(at / vocabSize), at % vocabSize];
      const error = Math.abs(weights[token * E + channel]! - rounded);
      expect(error).toBeLessThanOrEqual(0.5001 * scales[token]!);
    }
  });

  it('tells rows to a hundredth of what they give', async () => {
    const row = hiddenRow(1);
    const [logits] = await logitsOf(row);
    expect(relativeError(row, logits!)).toBeLessThan(0.01);
  });

  it('tells the small channels of a row beside one that is a hundred times as large', async () => {
    const row = hiddenRow(2, 100);
    const [logits] = await logitsOf(row);
    expect(relativeError(row, logits!)).toBeLessThan(0.01);
  });

  it('gives a row the same bits beside such a one as alone', async () => {
    const [even, uneven] = [hiddenRow(3), hiddenRow(4, -40)];
    const [alone] = await logitsOf(even);
    const [first, second, third] = await logitsOf(even, uneven, even);
    expect(first).toEqual(alone);
    expect(third).toEqual(alone);
    expect([second]).toEqual(await logitsOf(uneven));
  });

  it('takes no rows, and rows of zeros', async () => {
    expect(await logitsOf()).toEqual([]);
    const [logits] = await logitsOf(new Float32Array(E));
    expect(logits!.every((logit) => logit === 0)).toBe(true);
  });
});
