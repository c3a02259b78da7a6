import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Candidates } from '../../../src/engine/sampling/candidates.js';

const CAPACITY = 200;

const anyRow = fc
  .array(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constantFrom(-Infinity, -0)), {
    minLength: 1,
    maxLength: CAPACITY,
  })
  .map((logits) => Float32Array.from(logits));

describe('candidates', () => {
  it('are the tokens that reach a threshold, in the order of their ids, whatever they were before', () => {
    const candidates = new Candidates(CAPACITY);
    fc.assert(
      fc.property(anyRow, fc.integer({ min: -6, max: 6 }), (row, threshold) => {
        const expected = [...row.keys()].filter((id) => row[id]! >= threshold);
        expect(candidates.takeReaching(threshold, row)).toBe(expected.length);
        expect([...candidates.logits]).toEqual(expected.map((id) => row[id]));
        expect(expected.map((_, place) => candidates.id(place))).toEqual(expected);
      }),
    );
  });

  it('are a whole row where nothing is left out', () => {
    const candidates = new Candidates(3);
    const row = Float32Array.of(1, 2, 3);
    candidates.takeReaching(2, row);
    candidates.takeAll(row);
    expect(candidates.logits).toBe(row);
    expect([0, 1, 2].map((place) => candidates.id(place))).toEqual([0, 1, 2]);
  });
});
