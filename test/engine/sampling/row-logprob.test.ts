import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRowKernels } from '../../../src/engine/sampling/row-kernels.js';
import { readLogprob } from '../../../src/engine/sampling/row-logprob.js';

const rows = fc
  .array(fc.oneof(fc.float({ min: -60, max: 60, noNaN: true }), fc.constantFrom(-1, 0, 1)), {
    minLength: 1,
    maxLength: 300,
  })
  .map((logits) => Float32Array.from(logits));

describe('readLogprob', () => {
  it('gives the logarithm of the softmax', () => {
    fc.assert(
      fc.property(rows, fc.nat(), (row, pick) => {
        const id = pick % row.length;
        const maximum = Math.max(...row);
        const sum = row.reduce((total, logit) => total + Math.exp(logit - maximum), 0);
        const { logprob } = readRow(row, id, 0);
        expect(Math.abs(logprob - (row[id]! - maximum - Math.log(sum)))).toBeLessThan(1e-6);
        expect(logprob).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('counts the tokens that are at least as probable', () => {
    fc.assert(
      fc.property(rows, fc.nat(), (row, pick) => {
        const id = pick % row.length;
        expect(readRow(row, id, 0).rank).toBe(row.filter((logit) => logit >= row[id]!).length);
      }),
    );
  });

  it('gives the most probable tokens, of equal ones the lowest ids', () => {
    fc.assert(
      fc.property(rows, fc.nat(5), (row, numTop) => {
        const ids = [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b).slice(0, numTop);
        const { top } = readRow(row, 0, numTop);
        expect(top.map(({ tokenId }) => tokenId)).toEqual(ids);
        for (const { tokenId, logprob } of top) expect(logprob).toBe(readRow(row, tokenId, 0).logprob);
      }),
    );
  });

  it('gives the most probable tokens of a row of many blocks, most of which are equal', () => {
    const row = Float32Array.from({ length: 3000 }, (_, id) => (id % 700 === 3 ? -1 : -2));
    const { top } = readRow(row, 0, 6);
    expect(top.map(({ tokenId }) => tokenId)).toEqual([3, 703, 1403, 2103, 2803, 0]);
  });

  it('leaves the row as it is', () => {
    const kernels = createRowKernels(3);
    kernels.logits.set([3, 1, 2]);
    readLogprob(kernels, 1, 3);
    expect([...kernels.logits]).toEqual([3, 1, 2]);
  });

  it('gives -9999 for what can not be', () => {
    const row = Float32Array.of(0, -Infinity, -20_000);
    expect([1, 2].map((id) => readRow(row, id, 0).logprob)).toEqual([-9999, -9999]);
    expect(readRow(row, 0, 3).top.map(({ tokenId }) => tokenId)).toEqual([0, 2, 1]);
  });

  it.each([
    ['NaN', [0, Number.NaN, 1], 'The model produced NaN'],
    ['no finite logit', [-Infinity, -Infinity], 'The model produced no distribution'],
  ])('refuses a row with %s', (_, logits, message) => {
    expect(() => readRow(Float32Array.from(logits), 0, 1)).toThrow(message);
  });
});

function readRow(row: Float32Array, tokenId: number, numTop: number) {
  const kernels = createRowKernels(row.length);
  kernels.logits.set(row);
  return readLogprob(kernels, tokenId, numTop);
}
