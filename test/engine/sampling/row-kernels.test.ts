import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK_SIZE, createRowKernels } from '../../../src/engine/sampling/row-kernels.js';
import { weightAt } from '../../../src/engine/sampling/softmax-weight.js';

const anyLogit = fc.oneof(
  fc.float({ min: -60, max: 5, noNaN: true }),
  fc.constantFrom(-Infinity, -1, -0, 0, 1),
);
const anyRow = fc
  .oneof(
    fc.array(anyLogit, { minLength: 1, maxLength: 10 }),
    fc.array(anyLogit, { minLength: 1, maxLength: 3 * BLOCK_SIZE, size: 'max' }),
    fc.array(anyLogit, { minLength: BLOCK_SIZE, maxLength: BLOCK_SIZE }),
  )
  .map((logits) => Float32Array.from(logits));

/** A finite threshold, often equal to some of a row's logits. */
const anyThreshold = fc.oneof(
  fc.float({ min: -60, max: 6, noNaN: true }),
  fc.constantFrom(-1, -0, 0, 1).map(Math.fround),
);

function kernelsOf(row: Float32Array) {
  const kernels = createRowKernels(row.length);
  kernels.logits.set(row);
  return kernels;
}

function blocksOf(row: Float32Array): Float32Array[] {
  return Array.from({ length: Math.ceil(row.length / BLOCK_SIZE) }, (_, block) =>
    row.subarray(block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE),
  );
}

/** The maxima of a row's blocks; zeros of either sign are one logit. */
const maximaOf = (row: Float32Array) => blocksOf(row).map((block) => Math.max(...block) + 0);

describe('row kernels', () => {
  it('scan a row of any length for the maxima of its blocks and for its own', () => {
    fc.assert(
      fc.property(anyRow, (row) => {
        const kernels = kernelsOf(row);
        expect(kernels.scan() + 0).toBe(Math.max(...row) + 0);
        expect([...kernels.maxima].map((maximum) => maximum + 0)).toEqual(maximaOf(row));
      }),
    );
  });

  it('find NaN wherever it is', () => {
    fc.assert(
      fc.property(anyRow, fc.nat(), (row, pick) => {
        row[pick % row.length] = Number.NaN;
        expect(kernelsOf(row).scan()).toBeNaN();
      }),
    );
  });

  it('count the logits that reach a threshold', () => {
    fc.assert(
      fc.property(anyRow, anyThreshold, (row, threshold) => {
        expect(kernelsOf(row).count(threshold)).toBe(row.filter((logit) => logit >= threshold).length);
      }),
    );
  });

  it('list the places of the logits between two thresholds', () => {
    fc.assert(
      fc.property(anyRow, anyThreshold, fc.oneof(anyThreshold, fc.constant(Infinity)), (row, low, high) => {
        const kernels = kernelsOf(row);
        const expected = [...row.keys()].filter((place) => row[place]! >= low && row[place]! < high);
        expect([...kernels.places.subarray(0, kernels.list(low, high))]).toEqual(expected);
      }),
    );
  });

  it('weigh the logits as the dart board does, to seven digits', () => {
    fc.assert(
      fc.property(anyRow, fc.double({ min: 0.1, max: 3, noNaN: true }), (row, scale) => {
        const kernels = kernelsOf(row);
        const maximum = kernels.scan();
        fc.pre(maximum > -Infinity);
        const expected = row.reduce((sum, logit) => sum + weightAt((maximum - logit) * scale), 0);
        expect(Math.abs(kernels.weigh(maximum, scale) / expected - 1)).toBeLessThan(1e-6);
      }),
    );
  });

  it('give no weight to what is excluded, nor to what is too improbable to be drawn', () => {
    // Below a maximum that is not in the row, so that nothing great hides what is added.
    const kernels = kernelsOf(Float32Array.of(-68, -Infinity, -69, -100));
    kernels.scan();
    expect(kernels.weigh(0, 1)).toBe(2 ** -68);
    expect(kernels.keep(-69, 2)).toBe(2 ** -68);
    expect(kernels.keep(-68, -1)).toBe(0);
  });

  it('keep the beginning of the order of tokens, with its maxima and its weight, again and again', () => {
    fc.assert(
      fc.property(
        anyRow,
        fc.array(fc.tuple(anyThreshold, fc.nat()), { minLength: 1, maxLength: 4 }),
        (row, cuts) => {
          const kernels = kernelsOf(row);
          const maximum = kernels.scan();
          fc.pre(maximum > -Infinity);
          kernels.weigh(maximum, 1);
          let kept = row;
          for (const [least, pick] of cuts) {
            const last = (pick % (row.length + 1)) - 1;
            kept = kept.map((logit, place) =>
              logit > least || (logit === least && place <= last) ? logit : -Infinity,
            );
            const weight = kernels.keep(least, last);
            const expected = kept.reduce((sum, logit) => sum + weightAt(maximum - logit), 0);
            expect(Math.abs(weight - expected)).toBeLessThanOrEqual(1e-6 * expected);
            expect([...kernels.maxima].map((logit) => logit + 0)).toEqual(maximaOf(kept));
            for (const [block, logits] of blocksOf(kernels.logits).entries()) {
              if (kernels.maxima[block]! > -Infinity) expect(logits).toEqual(blocksOf(kept)[block]);
            }
          }
        },
      ),
    );
  });
});
