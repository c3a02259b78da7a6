import { describe, expect, it } from 'vitest';
import { MAX_BATCHES } from '../../../src/engine/model/batch-inputs.js';
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
  const [decoding, others, chunk] = [batch(5, 1), batch(1, 1), batch(1, 2)] as const;

  it('gives those that decode the first places', () => {
    expect(placeBatches([decoding])).toEqual([decoding, undefined, undefined]);
    expect(placeBatches([decoding, others, chunk])).toEqual([decoding, others, chunk]);
  });

  it('leaves the first place free before a chunk', () => {
    expect(placeBatches([chunk])).toEqual([undefined, chunk, undefined]);
    expect(placeBatches([chunk, chunk])).toEqual([undefined, chunk, chunk]);
  });

  it('refuses more than there are places for', () => {
    const error = `A step has no place for batch ${MAX_BATCHES + 1}.`;
    expect(() => placeBatches([decoding, others, chunk, chunk])).toThrow(error);
    expect(() => placeBatches([chunk, decoding, others])).toThrow(error);
  });

  it('takes several tokens of a sequence for a chunk', () => {
    expect([decoding, others, chunk].map(isChunk)).toEqual([false, false, true]);
  });
});
