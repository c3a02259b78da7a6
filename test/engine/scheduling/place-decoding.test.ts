import { describe, expect, it } from 'vitest';
import { SlotTable } from '../../../src/engine/kv-cache/slot-table.js';
import { placeDecoding } from '../../../src/engine/scheduling/place-decoding.js';
import type { Sequence } from '../../../src/engine/scheduling/sequence.js';
import { SequenceGroup } from '../../../src/engine/scheduling/sequence-group.js';
import { groupRequest } from '../../support/group-request.js';

const CAPACITIES = [64, 128, 192, 256, 384, 512, 640, 768, 896, 1024];
const LIMITS = { stepCost: 0, batchCost: 2000, maxBatches: 1, maxCachedPositions: 20_000, maxArriving: 2 };

/** Sequences that decode, each in the smallest class that holds it. */
function decoding(lengths: readonly number[]): SlotTable<Sequence> {
  const slots = new SlotTable<Sequence>(CAPACITIES);
  for (const [id, length] of lengths.entries()) {
    const request = groupRequest({ id, prompts: [new Int32Array(length)], maxTokens: 100 });
    const sequence = new SequenceGroup(request, { arrivedAtMs: 0, lookup: false }).next;
    slots.admit(sequence, length + 1);
    sequence.numComputedTokens = length;
    slots.startDecoding(sequence);
  }
  slots.takeMoves();
  return slots;
}

/** Places them, and returns how many positions that copied. */
function numCopiedBy(slots: SlotTable<Sequence>, limits = LIMITS): number {
  placeDecoding(slots, limits);
  return slots.takeMoves().reduce((sum, move) => sum + ('from' in move ? move.numPositions : 0), 0);
}

function rowsByCapacity(slots: SlotTable<Sequence>): Record<number, number> {
  const used = slots.classes.filter(({ numDecoding }) => numDecoding > 0);
  return Object.fromEntries(used.map(({ capacity, numDecoding }) => [capacity, numDecoding]));
}

describe('placeDecoding', () => {
  it('joins sequences of all lengths in few batches, copying little in any one round', () => {
    const slots = decoding([50, 110, 170, 180, 230, 240, 430, 600, 610, 850, 860]);
    expect(Object.keys(rowsByCapacity(slots))).toHaveLength(7);
    const copied = Array.from({ length: 8 }, () => numCopiedBy(slots));
    expect(rowsByCapacity(slots)).toEqual({ 256: 6, 896: 5 });
    // A sequence is copied whole, and so is another one that fills its gap.
    expect(Math.max(...copied)).toBeLessThan(2 * 610);
    expect(copied.at(-1)).toBe(0);
  });

  it('copies nothing that would not pay: the more costly a copy beside what a round saves', () => {
    const slots = decoding([600, 700]);
    expect(numCopiedBy(slots, { ...LIMITS, batchCost: 500 })).toBe(0);
    expect(rowsByCapacity(slots)).toEqual({ 640: 1, 768: 1 });
  });

  it('takes a sequence that must move to those whose class holds it', () => {
    const slots = decoding([256 - 1, 600, 610]);
    slots.classes[3]!.occupants[0]!.numComputedTokens++;
    placeDecoding(slots, LIMITS);
    expect(rowsByCapacity(slots)).toEqual({ 640: 3 });
  });
});
