import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../../src/engine/model/checkpoint.js';
import { readTensorBytes, tensorRows } from '../../../src/engine/model/safetensors.js';
import { readTensorValues } from '../../../src/engine/model/tensor-values.js';
import { blockFormat } from '../../../src/engine/weights/block-format.js';
import { openWeights } from '../../../src/engine/weights/quantized-cache.js';
import { blockTable, plainTable, type TokenTable } from '../../../src/engine/weights/token-table.js';
import { fixtureCheckpoint } from '../../support/fixtures.js';

function embeddingOf({ rows, decode }: TokenTable, tokenId: number, width: number): Float32Array {
  const into = new Float32Array(width);
  decode(readTensorBytes(tensorRows(rows, tokenId, 1)), tokenId, into);
  return into;
}

/** As the checkpoint has it, read another way. */
function exactOf({ weights }: Checkpoint, tokenId: number): Float32Array {
  return readTensorValues('wte.weight', tensorRows(weights.get('wte.weight')!, tokenId, 1));
}

describe('the embeddings of tokens', () => {
  it.each(['wide', 'bf16', 'f16'])('are those of the checkpoint: %s', (name) => {
    const checkpoint = openCheckpoint(fixtureCheckpoint(name));
    const { vocabSize, hiddenSize } = checkpoint.config;
    for (const tokenId of [0, 1, vocabSize - 1]) {
      const embedding = embeddingOf(plainTable(checkpoint.weights), tokenId, hiddenSize);
      expect(embedding).toEqual(exactOf(checkpoint, tokenId));
    }
  });

  it.each([
    [8, 16],
    [8, 64],
    [4, 16],
    [4, 64],
  ] as const)(
    'are those of the checkpoint to within a level, at %i bits in blocks of %i',
    (bits, blockSize) => {
      const checkpoint = openCheckpoint(fixtureCheckpoint('wide'));
      const { vocabSize, hiddenSize } = checkpoint.config;
      const scheme = { bits, blockSize };
      const directory = mkdtempSync(join(tmpdir(), 'linnet-'));
      try {
        const weights = openWeights(checkpoint, blockFormat(scheme), { directory, onProgress() {} });
        for (const tokenId of [0, 1, vocabSize - 1]) {
          const exact = exactOf(checkpoint, tokenId);
          const embedding = embeddingOf(blockTable(weights, scheme), tokenId, hiddenSize);
          for (let start = 0; start < hiddenSize; start += blockSize) {
            const block = exact.subarray(start, start + blockSize);
            const level = Math.max(...block.map(Math.abs)) / 2 ** (bits - 1);
            for (const [i, value] of block.entries())
              expect(Math.abs(embedding[start + i]! - value)).toBeLessThan(1.2 * level);
          }
        }
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );
});
