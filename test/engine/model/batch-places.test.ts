import { describe, expect, it } from 'vitest';
import { LEAST_CHUNK, MAX_BATCHES } from '../../../src/engine/model/batch-inputs.js';
import { isChunk, placeBatches } from '../../../src/engine/model/batch-places.js';
import type { ScheduledBatch } from '../../../src/engine/scheduling/scheduled-step.js';
import { Sequence } from '../../../src/engine/scheduling/sequence.js';
import { groupRequest } from '../../support/group-request.js';

function batch(numSequences: number, numNewTokens: number): ScheduledBatch {
  const sequences = Array.from(
    { length: numSequences },
    () => new Sequence(groupRequest({}), 0, { arrivedAtMs: 0, lookup: false }),
  );
  return { sequences, firstSlot: { classIndex: 0, index: 0 }, capacity: 64, numNewTokens };
}

describe('placeBatches', () => {
  const [decoding, few, chunk] = [batch(5, 1), batch(1, LEAST_CHUNK - 1), batch(1, LEAST_CHUNK)] as const;

  it('gives few rows the first places', () => {
    expect(placeBatches([decoding])).toEqual([decoding, undefined, undefined]);
    expect(placeBatches([few, decoding, chunk])).toEqual([few, decoding, chunk]);
  });

  it('leaves the first place free before a chunk', () => {
    expect(placeBatches([chunk])).toEqual([undefined, chunk, undefined]);
    expect(placeBatches([chunk, chunk])).toEqual([undefined, chunk, chunk]);
  });

  it('refuses more than there are places for', () => {
    const error = `A step has no place for batch ${MAX_BATCHES + 1}.`;
    expect(() => placeBatches([decoding, decoding, few, few])).toThrow(error);
    expect(() => placeBatches([chunk, decoding, decoding])).toThrow(error);
  });

  it('takes many tokens of one sequence for a chunk, drafts of several for rows', () => {
    expect([decoding, few, chunk, batch(2, LEAST_CHUNK)].map(isChunk)).toEqual([false, false, true, false]);
  });
});
