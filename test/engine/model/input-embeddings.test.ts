import { copyFileSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/engine/model/checkpoint.js';
import { InputEmbeddings } from '../../../src/engine/model/input-embeddings.js';
import { tensorRows } from '../../../src/engine/model/safetensors.js';
import { readTensorValues } from '../../../src/engine/model/tensor-values.js';
import { plainTable } from '../../../src/engine/weights/token-table.js';
import { fixtureCheckpoint } from '../../support/fixtures.js';

const FILES = ['config.json', 'model.safetensors'];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'linnet-'));
  for (const file of FILES) copyFileSync(join(fixtureCheckpoint('wide'), file), join(directory, file));
});
afterEach(() => rmSync(directory, { recursive: true }));

function open() {
  const { config, weights } = openCheckpoint(directory);
  const rowOf = (name: string, row: number) => readTensorValues(name, tensorRows(weights.get(name)!, row, 1));
  return { config, rowOf, embeddings: new InputEmbeddings(plainTable(weights), weights) };
}

describe('the embeddings of an input', () => {
  it('are those of each token and its position, added in f32', () => {
    const { config, rowOf, embeddings } = open();
    const { hiddenSize, vocabSize } = config;
    const rows = new Float32Array(3 * hiddenSize).fill(7);
    embeddings.write(rows, 2, { tokenId: vocabSize - 1, position: 5 });
    embeddings.write(rows, 0, { tokenId: 3, position: 0 });
    embeddings.close();
    const sum = (tokenId: number, position: number) =>
      rowOf('wte.weight', tokenId).map((value, i) => value + rowOf('wpe.weight', position)[i]!);
    expect(rows.subarray(0, hiddenSize)).toEqual(sum(3, 0));
    expect(rows.subarray(hiddenSize, 2 * hiddenSize).every((value) => value === 7)).toBe(true);
    expect(rows.subarray(2 * hiddenSize)).toEqual(sum(vocabSize - 1, 5));
  });

  it('say which file was cut off while it was in use', () => {
    const { config, embeddings } = open();
    truncateSync(join(directory, 'model.safetensors'), 100);
    const rows = new Float32Array(config.hiddenSize);
    expect(() => embeddings.write(rows, 0, { tokenId: 0, position: 0 })).toThrow(
      /^model\.safetensors was cut off/,
    );
    embeddings.close();
  });
});
