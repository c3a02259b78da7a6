import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sequence } from '../../../src/engine/scheduling/sequence.js';
import { MATRIX_FORMATS } from '../../../src/engine/weights/matrix-formats.js';
import { fixtureCheckpoint } from '../../support/fixtures.js';
import { groupRequest } from '../../support/group-request.js';
import { loadModelUnderTest, type ModelUnderTest } from '../../support/model-under-test.js';

const MAX_SEQUENCES = 24;

describe.each(Object.entries(MATRIX_FORMATS))('a batch at %s', (_, format) => {
  const cacheDirectory = mkdtempSync(join(tmpdir(), 'linnet-'));
  let model: ModelUnderTest;
  beforeAll(async () => {
    model = await loadModelUnderTest(fixtureCheckpoint('wide'), format, cacheDirectory);
  });
  afterAll(async () => {
    await model.runner.release();
    rmSync(cacheDirectory, { recursive: true });
  });

  /** All bits of the logits of sequences that take pieces of their texts side by side, by sequence. */
  async function run(numSequences: number, pieces: readonly number[]): Promise<string[]> {
    const { config, capacities, runner } = model;
    const sequences = Array.from({ length: numSequences }, (_, id) => {
      const promptIds = Int32Array.from({ length: 64 }, (_, i) => (id * 577 + i * 31) % config.vocabSize);
      return new Sequence(groupRequest({ id, prompts: [promptIds] }), 0, { arrivedAtMs: 0, lookup: false });
    });
    const bits = sequences.map(() => '');
    for (const numNewTokens of pieces) {
      const batch = {
        sequences,
        firstSlot: { classIndex: 0, index: 0 },
        capacity: capacities[0]!,
        numNewTokens,
        moves: [],
      };
      const rows = Array.from({ length: numSequences * numNewTokens }, (_, row) => row);
      const { logits } = await runner.run(batch, rows);
      const rowBytes = numNewTokens * config.vocabSize * Float32Array.BYTES_PER_ELEMENT;
      for (const [index, sequence] of sequences.entries()) {
        const own = Buffer.from(logits.buffer, logits.byteOffset + index * rowBytes, rowBytes);
        bits[index] += own.toString('base64');
        sequence.numComputedTokens += numNewTokens;
      }
    }
    return bits;
  }

  it.each([
    ['one token and one more', [1, 1]],
    ['a chunk, then one by one', [16, 1, 1]],
    ['an odd piece, then chunks', [3, 5, 16]],
  ])('has the same bits for each sequence with 1 to 24 of them: %s', async (_, pieces) => {
    const all = await run(MAX_SEQUENCES, pieces);
    for (let count = 1; count < MAX_SEQUENCES; count++) {
      expect((await run(count, pieces)).every((bits, index) => bits === all[index])).toBe(true);
    }
  });
});
