import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Slot } from '../../../src/engine/kv-cache/slot-table.js';
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

  function toSequence(id: number, length: number): Sequence {
    const tokenIds = Int32Array.from({ length }, (_, i) => (id * 577 + i * 31) % model.config.vocabSize);
    return new Sequence(groupRequest({ id, prompts: [tokenIds] }), 0, { arrivedAtMs: 0, lookup: false });
  }

  /** Sequences in neighbouring slots. */
  function toBatch(sequences: readonly Sequence[], slot: Slot, numNewTokens: number): ScheduledBatch {
    return { sequences, firstSlot: slot, capacity: model.capacities[slot.classIndex]!, numNewTokens };
  }

  /**
   * Sequences take pieces of their texts: single tokens all side by side, several in twos. All bits of the logits of rows, by
   * sequence and position; unless it is told otherwise, of all rows.
   */
  async function run(
    numSequences: number,
    pieces: readonly number[],
    hasLogits: (position: number) => boolean = () => true,
  ): Promise<Map<string, string>> {
    const sequences = Array.from({ length: numSequences }, (_, id) => toSequence(id, 64));
    const bits = new Map<string, string>();
    for (const numNewTokens of pieces) {
      const batches =
        numNewTokens === 1
          ? [toBatch(sequences, { classIndex: 0, index: 0 }, 1)]
          : sequences.map((one, index) => toBatch([one], { classIndex: 0, index }, numNewTokens));
      for (let i = 0; i < batches.length; i += 2) await runStep(batches.slice(i, i + 2), { bits, hasLogits });
      for (const sequence of sequences) sequence.numComputedTokens += numNewTokens;
    }
    return bits;
  }

  async function runStep(
    batches: readonly ScheduledBatch[],
    { bits, hasLogits }: { bits: Map<string, string>; hasLogits: (position: number) => boolean },
  ): Promise<void> {
    const rowBytes = model.config.vocabSize * Float32Array.BYTES_PER_ELEMENT;
    const rows = batches
      .flatMap(({ sequences, numNewTokens }) =>
        sequences.flatMap(({ groupId, numComputedTokens }) =>
          Array.from({ length: numNewTokens }, (_, at) => ({ groupId, position: numComputedTokens + at })),
        ),
      )
      .map((row, index) => ({ ...row, index }))
      .filter(({ position }) => hasLogits(position));
    const { logits } = await model.runner.run(
      { batches, moves: [] },
      rows.map(({ index }) => index),
    );
    for (const [at, { groupId, position }] of rows.entries()) {
      const own = Buffer.from(logits.buffer, logits.byteOffset + at * rowBytes, rowBytes);
      bits.set(`${groupId}:${position}`, own.toString('base64'));
    }
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

  it('has the same bits, kept ones too, alone in a step and beside others', async () => {
    const { config, runner } = model;
    const batches = [
      { numSequences: 24, slot: { classIndex: 0, index: 0 }, numNewTokens: 1 },
      { numSequences: 3, slot: { classIndex: 1, index: 2 }, numNewTokens: 1 },
      { numSequences: 1, slot: { classIndex: 0, index: 25 }, numNewTokens: 29 },
      { numSequences: 1, slot: { classIndex: 1, index: 0 }, numNewTokens: 40 },
    ].map(({ numSequences, slot, numNewTokens }, batch) => {
      const sequences = Array.from({ length: numSequences }, (_, id) => toSequence(100 * batch + id, 64));
      return toBatch(sequences, slot, numNewTokens);
    });
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
    for (const { sequences, firstSlot } of batches) {
      for (const [i, sequence] of sequences.entries()) {
        const slot = { ...firstSlot, index: firstSlot.index + i };
        await runner.run({ batches: [toBatch([sequence], slot, 16)], moves: [] }, [0]);
        sequence.numComputedTokens = 16;
      }
    }
    const alone: string[][] = [];
    for (const batch of batches) alone.push(...(await read([batch])));
    expect(new Set(alone.map(String)).size).toBe(4);
    for (const together of [
      [0, 1, 2],
      [1, 0, 3],
      [0, 3, 2],
      [2, 1],
      [3, 2],
      [1, 3],
    ]) {
      expect(await read(together.map((i) => batches[i]!))).toEqual(together.map((i) => alone[i]));
    }
  });

  it('has the same bits for several tokens of a prompt in a slot of any capacity', async () => {
    const inClass = async (classIndex: number) => {
      const sequence = toSequence(0, 80);
      const hashes = [];
      for (const numNewTokens of [48, 32]) {
        const batch = toBatch([sequence], { classIndex, index: 0 }, numNewTokens);
        const rows = Array.from({ length: numNewTokens }, (_, row) => row);
        const { logits, newKv } = await model.runner.run({ batches: [batch], moves: [] }, rows);
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
