import { copyFileSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openCheckpoint } from '../../../src/engine/model/checkpoint.js';
import { InputEmbeddings } from '../../../src/engine/model/input-embeddings.js';
import { tensorRows } from '../../../src/engine/model/safetensors.js';
import { readTensorValues } from '../../../src/engine/model/tensor-values.js';
import { CheckpointCopy } from '../../support/checkpoint-copy.js';
import { fixtureCheckpoint } from '../../support/fixtures.js';

const FILES = ['config.json', 'model.safetensors'];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'linnet-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(name: string) {
  for (const file of FILES) copyFileSync(join(fixtureCheckpoint(name), file), join(directory, file));
  const { config, weights } = openCheckpoint(directory);
  const rowOf = (tensor: string, row: number) =>
    readTensorValues(tensor, tensorRows(weights.get(tensor)!, row, 1));
  return { config, rowOf, embeddings: new InputEmbeddings(weights) };
}

describe('the embeddings of an input', () => {
  it.each(['wide', 'bf16', 'f16'])('are those of each token and its position, added in f32: %s', (name) => {
    const { config, rowOf, embeddings } = open(name);
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

  it('refuse positions of which one is no finite number', () => {
    const copy = new CheckpointCopy('bf16').setLast('transformer.wpe.weight', Buffer.from('c07f', 'hex'));
    onTestFinished(() => copy.remove());
    expect(() => new InputEmbeddings(openCheckpoint(copy.directory).weights)).toThrow(
      expect.objectContaining({
        reason: 'MODEL_LOAD_FAILED',
        message: 'tensor "wpe.weight" has NaN among its numbers; weights must be finite.',
      }),
    );
  });

  it('say which file was cut off while it was in use', () => {
    const { config, embeddings } = open('wide');
    truncateSync(join(directory, 'model.safetensors'), 100);
    const rows = new Float32Array(config.hiddenSize);
    expect(() => embeddings.write(rows, 0, { tokenId: 0, position: 0 })).toThrow(
      /^model\.safetensors was cut off/,
    );
    embeddings.close();
  });
});
