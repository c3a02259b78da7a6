import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantizeColumns, quantizeMatrix } from '../../../src/engine/weights/quantization.js';

const matrix = fc.record({
  numOutputs: fc.integer({ min: 1, max: 5 }),
  numInputs: fc.integer({ min: 1, max: 70 }),
  values: fc.float32Array({ min: -8, max: 8, noNaN: true, minLength: 350, maxLength: 350 }),
  transposed: fc.boolean(),
});

describe.each([8, 4] as const)('quantizeMatrix at %i bits', (bits) => {
  it('stays within half a step of every weight, or within the range cut off at 4 bits', () => {
    fc.assert(
      fc.property(matrix, ({ numOutputs, numInputs, values, transposed }) => {
        const [outputStride, inputStride] = transposed ? [1, numOutputs] : [numInputs, 1];
        const source = {
          values: Float32Array.from(values),
          numOutputs,
          numInputs,
          outputStride,
          inputStride,
        };
        const blockSize = 32;
        const { data, scales } = quantizeMatrix(source, { bits, blockSize });
        const numBlocks = Math.ceil(numInputs / blockSize);
        for (let output = 0; output < numOutputs; output++) {
          for (let input = 0; input < numInputs; input++) {
            const block = output * numBlocks + Math.floor(input / blockSize);
            const at = block * blockSize + (input % blockSize);
            const level = bits === 8 ? data[at]! - 128 : ((data[at >> 1]! >> (4 * (at & 1))) & 15) - 8;
            const scale = scales[block]!;
            const weight = source.values[output * outputStride + input * inputStride]!;
            const isAtEnd = bits === 4 && (level === 7 || level === -8);
            const slack = isAtEnd ? Math.abs(scale) * 2.7 : Math.abs(scale) / 2;
            expect(Math.abs(level * scale - weight)).toBeLessThanOrEqual(slack * 1.0001 + 1e-12);
          }
        }
      }),
      { endOnFailure: true },
    );
  });

  it('keeps zero exactly, a block of zeros included', () => {
    const values = new Float32Array(64);
    values[3] = 2;
    const source = { values, numOutputs: 2, numInputs: 32, outputStride: 32, inputStride: 1 };
    const { data, scales } = quantizeMatrix(source, { bits, blockSize: 32 });
    const zero = bits === 8 ? 128 : 0x88;
    expect([...data.subarray(data.length / 2)]).toEqual(new Array(data.length / 2).fill(zero));
    expect(Math.abs(scales[1]!)).toBeLessThan(Infinity);
  });
});

describe('quantizeColumns', () => {
  it('stays within half a step of every weight, with one step for each output', () => {
    fc.assert(
      fc.property(matrix, ({ numOutputs, numInputs, values }) => {
        const weights = Float32Array.from(values).subarray(0, numInputs * numOutputs);
        const { data, scales } = quantizeColumns(weights, numOutputs);
        for (const [at, weight] of weights.entries()) {
          const scale = scales[at % numOutputs]!;
          expect(Math.abs(data[at]! * scale - weight)).toBeLessThanOrEqual((scale / 2) * 1.0001 + 1e-12);
          expect(data[at]).toBeGreaterThanOrEqual(-127);
        }
      }),
      { endOnFailure: true },
    );
  });

  it('keeps an output without weights at zero', () => {
    const { data, scales } = quantizeColumns(Float32Array.of(0, 1, 0, -2), 2);
    expect([...data]).toEqual([0, 64, 0, -127]);
    expect(scales[0]).toBe(0);
  });
});
