import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_SAMPLING } from '../../src/engine/index.js';
import { complete, createTestEngine, requestFor } from '../support/engine-under-test.js';

describe('lookup decoding', () => {
  const engines = [true, false].map((lookup) => createTestEngine({ lookup }));
  const [on, off] = engines as [(typeof engines)[0], (typeof engines)[0]];
  afterAll(() => Promise.all(engines.map((engine) => engine.close())));

  it('gives the tokens that there are without it, alone and in company, greedy and sampled', async () => {
    const request = fc.record({
      // A short period, so that the text repeats itself and drafts are made.
      period: fc.integer({ min: 1, max: 6 }),
      length: fc.integer({ min: 1, max: 120 }),
      maxTokens: fc.integer({ min: 1, max: 80 }),
      // Few tokens to choose among: over all 50,257 of this random model a draw is always within rounding of two tokens.
      topK: fc.constantFrom(1, 2, 5),
      temperature: fc.constantFrom(0, 0.3, 1),
      seed: fc.bigInt({ min: 0n, max: 1000n }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 3 }), async (drawn) => {
        const requests = drawn.map(({ period, length, maxTokens, topK, temperature, seed }) =>
          requestFor(
            Array.from({ length }, (_, i) => 1000 + 77 * (i % period)),
            { maxTokens, sampling: { ...DEFAULT_SAMPLING, topK, temperature, seed } },
          ),
        );
        const [withLookup, without] = await Promise.all(
          [on, off].map((engine) => Promise.all(requests.map((one) => complete(engine, one)))),
        );
        expect(withLookup!.map(({ tokenIds }) => tokenIds)).toEqual(without!.map(({ tokenIds }) => tokenIds));
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });

  it('counts what it guessed right, and guesses right where a text repeats itself', async () => {
    // Nearly no temperature and a strong habit: the model repeats a token for ever.
    const request = requestFor('the the the the the the', { maxTokens: 100 });
    const { tokenIds, finished } = await complete(on, request);
    const repeated = tokenIds.filter((id, i) => i > 2 && id === tokenIds[i - 1]).length;
    const { acceptedPredictionTokens } = finished.usage;
    expect(acceptedPredictionTokens).toBeLessThan(100);
    if (repeated > 50) expect(acceptedPredictionTokens).toBeGreaterThan(20);
    const { usage } = (await complete(off, request)).finished;
    expect(usage.acceptedPredictionTokens).toBe(0);
  });
});
