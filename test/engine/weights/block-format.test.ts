import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/engine/model/checkpoint.js';
import { readTensorValues } from '../../../src/engine/model/tensor-values.js';
import { blockFormat } from '../../../src/engine/weights/block-format.js';
import { quantizeMatrix } from '../../../src/engine/weights/quantization.js';
import { toBytes } from '../../../src/engine/weights/quantized-weights.js';
import { fixtureCheckpoint } from '../../support/fixtures.js';

// It has all of GPT-2's vocabulary.
const checkpoint = openCheckpoint(fixtureCheckpoint('real-vocab'));
const { weights, config } = checkpoint;

describe.each([8, 4] as const)('the blocks of a head at %i bits', (bits) => {
  const scheme = { bits, blockSize: 16 } as const;
  const source = weights.get('wte.weight')!;
  const plan = blockFormat(scheme).plan!(checkpoint);
  const head = plan.find(({ tensors }) => tensors[0]!.name === 'wte.weight.data')!;
  const pieces = [...head.encode()];

  it('are the same as if they were made at once', () => {
    const { data, scales } = quantizeMatrix(
      {
        values: readTensorValues('wte.weight', source),
        numOutputs: config.vocabSize,
        numInputs: config.hiddenSize,
        outputStride: config.hiddenSize,
        inputStride: 1,
      },
      scheme,
    );
    expect(Buffer.concat(pieces).equals(Buffer.concat([data, toBytes(scales)]))).toBe(true);
  });

  it('come in pieces, so that the table is never in memory as a whole', () => {
    const lengths = pieces.map(({ length }) => length);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    expect(Math.max(...lengths)).toBeLessThan(total / 10);
  });
});
