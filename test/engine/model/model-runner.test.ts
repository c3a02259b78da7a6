import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LEAST_CHUNK } from '../../../src/engine/model/batch-inputs.js';
import { numRowsOf, type ScheduledBatch } from '../../../src/engine/scheduling/scheduled-step.js';
import { Sequence } from '../../../src/engine/scheduling/sequence.js';
import { MATRIX_FORMATS } from '../../../src/engine/weights/matrix-formats.js';
import { fixtureCheckpoint } from '../../support/fixtures.js';
import { groupRequest } from '../../support/group-request.js';
import { loadModelUnderTest, type ModelUnderTest } from '../../support/model-under-test.js';

const MAX_SEQUENCES = 24;

describe.each(Object.entries(MATRIX_FORMATS))('a step at %s', (_, format) => {
  const cacheDirectory = mkdtempSync(join(tmpdir(), 'linnet-'));
  let model: ModelUnderTest;
  beforeAll(async () => {
    model = await loadModelUnderTest(fixtureCheckpoint('wide'), format, cacheDirectory);
  });
  afterAll(async () => {
    await model.runner.release();
    rmSync(cacheDirectory, { recursive: true });
  });

  /**
   * Sequences take pieces of their texts side by side. All bits of the logits of rows, by sequence and position; unless it
   * is told otherwise, of all rows.
   */
  async function run(
    numSequences: number,
    pieces: readonly number[],
    hasLogits: (position: number) => boolean = () => true,
  ): Promise<Map<string, string>> {
    const { config, capacities, runner } = model;
    const sequences = Array.from({ length: numSequences }, (_, id) => {
      const promptIds = Int32Array.from({ length: 64 }, (_, i) => (id * 577 + i * 31) % config.vocabSize);
      return new Sequence(groupRequest({ id, prompts: [promptIds] }), 0, { arrivedAtMs: 0, lookup: false });
    });
    const bits = new Map<string, string>();
    const rowBytes = config.vocabSize * Float32Array.BYTES_PER_ELEMENT;
    for (const numNewTokens of pieces) {
      const batch = {
        sequences,
        firstSlot: { classIndex: 0, index: 0 },
        capacity: capacities[0]!,
        numNewTokens,
      };
      const rows = sequences.flatMap(({ numComputedTokens }, index) =>
        Array.from({ length: numNewTokens }, (_, at) => ({
          row: index * numNewTokens + at,
          position: numComputedTokens + at,
          key: `${index}:${numComputedTokens + at}`,
        })).filter(({ position }) => hasLogits(position)),
      );
      const { logits } = await runner.run(
        { batches: [batch], moves: [] },
        rows.map(({ row }) => row),
      );
      for (const [at, { key }] of rows.entries()) {
        const own = Buffer.from(logits.buffer, logits.byteOffset + at * rowBytes, rowBytes);
        bits.set(key, own.toString('base64'));
      }
      for (const sequence of sequences) sequence.numComputedTokens += numNewTokens;
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
      expect([...(await run(count, pieces))].every(([key, bits]) => bits === all.get(key))).toBe(true);
    }
  });

  it.each([
    ['few', 29],
    ['many', 40],
  ])(
    'has the same bits, kept ones too, alone in a step and beside %s tokens of a prompt',
    async (_, numPrefilled) => {
      const { config, capacities, runner } = model;
      const shapes = [
        { classIndex: 0, index: 0, numSequences: 24, numNewTokens: 1 },
        { classIndex: 1, index: 2, numSequences: 3, numNewTokens: 1 },
        { classIndex: 0, index: 25, numSequences: 1, numNewTokens: numPrefilled },
      ];
      const batches = shapes.map(
        ({ classIndex, index, numSequences, numNewTokens }, batch): ScheduledBatch => {
          const sequences = Array.from({ length: numSequences }, (_, id) => {
            const promptIds = Int32Array.from(
              { length: 64 },
              (_, i) => (id * 31 + i * 577 + batch) % config.vocabSize,
            );
            return new Sequence(groupRequest({ id, prompts: [promptIds] }), 0, {
              arrivedAtMs: 0,
              lookup: false,
            });
          });
          return {
            sequences,
            firstSlot: { classIndex, index },
            capacity: capacities[classIndex]!,
            numNewTokens,
          };
        },
      );
      /** All that a step gave, by batch. */
      const read = async (together: readonly ScheduledBatch[]) => {
        const numRows = together.map(numRowsOf);
        const rows = Array.from({ length: sum(numRows) }, (_, row) => row);
        const { logits, newKv } = await runner.run({ batches: together, moves: [] }, rows);
        return together.map((_, i) => {
          const [start, end] = [sum(numRows.slice(0, i)), sum(numRows.slice(0, i + 1))];
          const kept = newKv[i]!.parts.map((part) => hashOf(part));
          return [hashOf(logits.subarray(start * config.vocabSize, end * config.vocabSize)), ...kept];
        });
      };
      for (const batch of batches) {
        await runner.run({ batches: [{ ...batch, numNewTokens: 16 }], moves: [] }, [0]);
        for (const sequence of batch.sequences) sequence.numComputedTokens = 16;
      }
      const alone = [];
      for (const batch of batches) alone.push(...(await read([batch])));
      expect(new Set(alone.map(String)).size).toBe(3);
      expect(await read(batches)).toEqual(alone);
      expect(await read(batches.slice(1))).toEqual(alone.slice(1));
      // Of a prompt's many tokens there is one less.
      const turned = batches.toReversed().slice(0, numPrefilled < LEAST_CHUNK ? 3 : 2);
      expect(await read(turned)).toEqual(alone.toReversed().slice(0, turned.length));
    },
  );

  it('has the same bits for many tokens of a prompt in a slot of any capacity', async () => {
    const { config, capacities, runner } = model;
    const tokenIds = Int32Array.from({ length: 80 }, (_, i) => (i * 577) % config.vocabSize);
    const inClass = async (classIndex: number) => {
      const request = groupRequest({ prompts: [tokenIds] });
      const sequence = new Sequence(request, 0, { arrivedAtMs: 0, lookup: false });
      const hashes = [];
      for (const numNewTokens of [48, 32]) {
        const place = { firstSlot: { classIndex, index: 0 }, capacity: capacities[classIndex]! };
        const batch = { sequences: [sequence], numNewTokens, ...place };
        const rows = Array.from({ length: numNewTokens }, (_, row) => row);
        const { logits, newKv } = await runner.run({ batches: [batch], moves: [] }, rows);
        hashes.push(hashOf(logits), ...newKv[0]!.parts.map(hashOf));
        sequence.numComputedTokens += numNewTokens;
      }
      return hashes;
    };
    expect(await inClass(3)).toEqual(await inClass(1));
  });

  it('has the same bits for a row, whichever rows have logits', async () => {
    const pieces = [16, 5, 1, 16, 1];
    const all = await run(3, pieces);
    // No row of the first chunk, and some of those after it.
    const some = await run(3, pieces, (position) => position > 15 && position % 3 > 0);
    expect(some.size).toBe(3 * 16);
    expect([...some].every(([key, bits]) => bits === all.get(key))).toBe(true);
  });
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function hashOf({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex');
}
