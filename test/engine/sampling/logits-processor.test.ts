import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogitsProcessor } from '../../../src/engine/sampling/logits-processor.js';
import { RandomNumbers } from '../../../src/engine/sampling/random.js';
import { DEFAULT_SAMPLING, type SamplingParams } from '../../../src/engine/sampling/sampling-params.js';
import { processedLogits, type SequenceSoFar } from './reference-sampler.js';
import { RowSampler } from './row-sampler.js';

const VOCAB_SIZE = 40;

const anyId = fc.nat(VOCAB_SIZE - 1);
const anyPenalty = fc.oneof(fc.constant(0), fc.double({ min: -2, max: 2, noNaN: true }));

const anyParams = fc
  .record({
    presencePenalty: anyPenalty,
    frequencyPenalty: anyPenalty,
    repetitionPenalty: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 2, noNaN: true })),
    logitBias: fc
      .array(fc.tuple(anyId, fc.double({ min: -100, max: 100, noNaN: true })))
      .map((entries) => new Map(entries)),
    minTokens: fc.nat(30),
  })
  .map((changes): SamplingParams => ({ ...DEFAULT_SAMPLING, ...changes }));

const anySequence = fc.record({
  promptIds: fc.array(anyId, { minLength: 1, maxLength: 30 }),
  generatedIds: fc.array(anyId, { maxLength: 30 }),
  endIds: fc.array(anyId, { maxLength: 5 }),
});

const anyLogits = fc
  .array(fc.oneof(fc.float({ min: -100, max: 100, noNaN: true }), fc.constantFrom(0, -0)), {
    minLength: VOCAB_SIZE,
    maxLength: VOCAB_SIZE,
  })
  .map((logits) => Float32Array.from(logits));

/** Changes a copy of a row, as at the end of a sequence. */
function process(logits: Float32Array, params: SamplingParams, sequence: SequenceSoFar): Float32Array {
  const { promptIds, generatedIds, endIds } = sequence;
  const processor = new LogitsProcessor(params, { promptIds: Int32Array.from(promptIds), endIds });
  for (const id of generatedIds) {
    processor.apply(logits.slice());
    processor.append(id);
  }
  const row = logits.slice();
  processor.apply(row);
  return row;
}

const SEQUENCE: SequenceSoFar = { promptIds: [1, 2, 2], generatedIds: [2, 3, 3, 3], endIds: [0] };

function change(logits: readonly number[], changes: Partial<SamplingParams>): number[] {
  return [...process(Float32Array.from(logits), { ...DEFAULT_SAMPLING, ...changes }, SEQUENCE)];
}

describe('logits processor', () => {
  it('changes each logit as the whole history says, and nothing else', () => {
    fc.assert(
      fc.property(anyLogits, anyParams, anySequence, (logits, params, sequence) => {
        const expected = processedLogits(logits, params, sequence);
        const row = process(logits, params, sequence);
        for (const [id, logit] of row.entries()) {
          if (Number.isFinite(expected[id])) {
            expect(Math.abs(logit - expected[id]!)).toBeLessThanOrEqual(
              2e-6 * (110 + Math.abs(expected[id]!)),
            );
          } else expect(logit).toBe(expected[id]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('leaves every bit as it is where a request asks for no change', () => {
    fc.assert(
      fc.property(anyLogits, anySequence, (logits, sequence) => {
        expect(process(logits, DEFAULT_SAMPLING, sequence)).toEqual(logits);
      }),
    );
  });

  it('gives the same bits for the same history, whatever order the prompt came in', () => {
    fc.assert(
      fc.property(anyLogits, anyParams, anySequence, (logits, params, sequence) => {
        const reversed = { ...sequence, promptIds: sequence.promptIds.toReversed() };
        expect(process(logits, params, reversed)).toEqual(process(logits, params, sequence));
      }),
    );
  });

  it('subtracts the presence penalty once, from generated tokens alone', () => {
    expect(change([1, 1, 1, 1, 1], { presencePenalty: 0.5 })).toEqual([1, 1, 0.5, 0.5, 1]);
  });

  it('subtracts the frequency penalty each time, from generated tokens alone', () => {
    expect(change([1, 1, 1, 1, 1], { frequencyPenalty: 0.5 })).toEqual([1, 1, 0.5, -0.5, 1]);
    expect(change([1, 1, 1, 1, 1], { frequencyPenalty: -2 })).toEqual([1, 1, 3, 7, 1]);
  });

  it("divides positive and multiplies negative logits of prompt and completion, as transformers' processor does", () => {
    expect(change([8, 8, -8, 0, 8], { repetitionPenalty: 2 })).toEqual([8, 4, -16, 0, 8]);
    expect(change([8, 8, -8, 0, 8], { repetitionPenalty: 0.5 })).toEqual([8, 16, -4, 0, 8]);
  });

  it('adds biases before it scales, and scales before it subtracts', () => {
    const changes = { repetitionPenalty: 2, frequencyPenalty: 1, presencePenalty: 1 };
    expect(change([1, 1, 1, -1, 1], { ...changes, logitBias: new Map([[3, 5]]) })).toEqual([
      1, 0.5, -1.5, -2, 1,
    ]);
  });

  it('makes no infinity of the least repetition penalty that there is', () => {
    expect(change([1, 100, 0, -1, 1], { repetitionPenalty: 5e-324 }).every(Number.isFinite)).toBe(true);
  });

  it('bans what would end the completion until there are enough tokens, whatever its bias', () => {
    const logitBias = new Map([[0, 100]]);
    expect(change([1, 1, 1, 1, 1], { logitBias, minTokens: 5 })[0]).toBe(-Infinity);
    expect(change([1, 1, 1, 1, 1], { logitBias, minTokens: 4 })[0]).toBe(101);
  });

  it.each([0, 0.7, 2])(
    'never samples a token of bias -100, and always one of bias 100, at temperature %d',
    (temperature) => {
      fc.assert(
        fc.property(
          fc.array(fc.float({ min: -40, max: -10, noNaN: true }), { minLength: 300, maxLength: 300 }),
          fc.nat(299),
          fc.bigInt({ min: 0n, max: 2n ** 32n }),
          (logits, id, seed) => {
            const sampleWith = (bias: number) => {
              const params = { ...DEFAULT_SAMPLING, temperature, logitBias: new Map([[id, bias]]) };
              const row = process(Float32Array.from(logits), params, SEQUENCE);
              return new RowSampler(row.length).sample(row, params, new RandomNumbers(seed));
            };
            expect(sampleWith(100)).toBe(id);
            expect(sampleWith(-100)).not.toBe(id);
          },
        ),
        { numRuns: 100 },
      );
    },
  );

  it('lets NaN through, so that the sampler finds it', () => {
    const row = change([1, Number.NaN, Number.NaN, 1, 1], { repetitionPenalty: 2, presencePenalty: 1 });
    expect(row[1]).toBeNaN();
    expect(row[2]).toBeNaN();
  });
});
