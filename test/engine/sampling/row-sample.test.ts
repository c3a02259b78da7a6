import { describe, expect, it } from 'vitest';
import { RandomNumbers } from '../../../src/engine/sampling/random.js';
import { RowSample } from '../../../src/engine/sampling/row-sample.js';

const VOCAB_SIZE = 50_257;
const numbers = new RandomNumbers(3n);
const uniform = Float32Array.from({ length: VOCAB_SIZE }, (_, id) => -20 * numbers.seek(0, id).next());
const clustered = uniform.map((logit, id) => (id < 3000 ? logit : -30 + logit * 1e-4));

const numReaching = (threshold: number, row: Float32Array) =>
  row.filter((logit) => logit >= threshold).length;

describe('row sample', () => {
  it.each([
    [1, uniform],
    [257, uniform],
    [2000, uniform],
    [12_000, uniform],
    [40_000, uniform],
    [2000, clustered],
    [40_000, clustered],
  ])('guesses logits between which the token of rank %d is, and few others', (rank, row) => {
    const { low, high } = new RowSample().boundsOf(rank, row, { least: -48, maximum: 0 });
    expect(numReaching(low, row)).toBeGreaterThanOrEqual(rank);
    expect(numReaching(high, row)).toBeLessThan(rank);
    expect(numReaching(low, row) - numReaching(high, row)).toBeLessThan(5000);
  });

  it('guesses no less than the least, which it gives where too few reach more', () => {
    const sample = new RowSample();
    expect(sample.boundsOf(500, uniform, { least: -0.125, maximum: 0 }).low).toBe(-0.125);
    expect(sample.boundsOf(500, uniform, { least: 0, maximum: 0 }).low).toBe(0);
    const excluded = new Float32Array(1000).fill(-Infinity);
    excluded[0] = 0;
    expect(sample.boundsOf(500, excluded, { least: -48, maximum: 0 }).low).toBe(-48);
  });
});
