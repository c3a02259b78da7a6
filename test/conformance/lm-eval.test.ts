import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtureCheckpoint, fixtureNames, type Reference, readReference } from '../support/fixtures.js';
import { type Linnet, startLinnet } from '../support/linnet.js';

/** How near log-likelihoods must be to those of Hugging Face transformers. */
const TOLERANCE = 1e-3;

/** The fixtures of which transformers' logits are there for every position, so that any continuation can be compared. */
const CASES = fixtureNames()
  .map((name) => ({ name, reference: readReference(name) }))
  .filter(({ reference }) => reference.logitPositions.length === reference.inputIds.length);

let linnet: Linnet;
beforeAll(async () => {
  const models = CASES.map(({ name }) => ({ id: name, directory: fixtureCheckpoint(name) }));
  linnet = await startLinnet({ engine: { models } });
});
afterAll(() => linnet.close());

/** What transformers says of each token: its log-probability, NaN for the first one, and whether it is the best. */
function expectedOf({ inputIds, logits }: Reference) {
  const vocabSize = logits.length / inputIds.length;
  return Array.from(inputIds, (id, place) => {
    if (place === 0) return { logprob: Number.NaN, isBest: false };
    const row = Float64Array.from(logits.subarray((place - 1) * vocabSize, place * vocabSize));
    const greatest = row.reduce((a, b) => Math.max(a, b));
    const sum = row.reduce((total, logit) => total + Math.exp(logit - greatest), 0);
    const own = row[id]!;
    return { logprob: own - greatest - Math.log(sum), isBest: own === greatest };
  });
}

const sumOf = (values: readonly { logprob: number }[]) =>
  values.reduce((sum, { logprob }) => sum + logprob, 0);

/** Reads an answer as lm-evaluation-harness does: those of the context are skipped, and what was generated. */
function parseLogprobs(choice: LogprobsChoice, contextLength: number, numGenerated: number) {
  const end = choice.logprobs.token_logprobs.length - numGenerated;
  const logprobs = choice.logprobs.token_logprobs.slice(contextLength, end) as number[];
  const tops = choice.logprobs.top_logprobs.slice(contextLength, end) as Record<string, number>[];
  return {
    logprob: logprobs.reduce((sum, value) => sum + value, 0),
    isGreedy: logprobs.every((value, place) => value === Math.max(...Object.values(tops[place] ?? {}))),
  };
}

interface LogprobsChoice {
  readonly index: number;
  readonly logprobs: {
    readonly tokens: string[];
    readonly token_logprobs: (number | null)[];
    readonly top_logprobs: (Record<string, number> | null)[];
    readonly text_offset: number[];
  };
}

describe.each(CASES)(
  'Scoring as lm-evaluation-harness does it agrees with transformers: $name',
  ({ name, reference }) => {
    const expected = expectedOf(reference);
    const ids = Array.from(reference.inputIds);
    // Requests of the harness are token arrays, many at a time; where the context ends varies.
    const cuts = [1, 2, 10, ids.length - 1];
    // The harness of today generates a token, and drops it.
    it.each([0, 1])('with max_tokens %i', async (maxTokens) => {
      const prompts = maxTokens === 0 ? cuts.map(() => ids) : cuts.map(() => ids.slice(0, -1));
      const response = await linnet.gateway.post({
        ...{
          model: name,
          prompt: prompts,
          max_tokens: maxTokens,
          temperature: 0,
          logprobs: 1,
          echo: true,
          seed: 1234,
        },
      });
      const { choices } = (await response.json()) as { choices: LogprobsChoice[] };
      expect(choices).toHaveLength(cuts.length);
      for (const [index, cut] of cuts.entries()) {
        const length = prompts[index]!.length;
        const scored = parseLogprobs(choices[index]!, cut, maxTokens);
        const theirs = expected.slice(cut, length);
        expect(Math.abs(scored.logprob - sumOf(theirs))).toBeLessThan(TOLERANCE);
        expect(scored.isGreedy).toBe(theirs.every(({ isBest }) => isBest));
      }
    });

    it('token by token, and of a continuation that is greedy', async () => {
      const greedy = [...reference.greedyPromptIds, ...reference.greedyIds];
      const response = await linnet.gateway.post({
        ...{ model: name, prompt: [ids, greedy], max_tokens: 0, logprobs: 1, echo: true },
      });
      const { choices } = (await response.json()) as { choices: LogprobsChoice[] };
      const { token_logprobs: logprobs } = choices[0]!.logprobs;
      expect(logprobs[0]).toBeNull();
      for (const [place, { logprob }] of expected.entries()) {
        if (place > 0) expect(Math.abs(logprobs[place]! - logprob)).toBeLessThan(TOLERANCE);
      }
      expect(parseLogprobs(choices[1]!, reference.greedyPromptIds.length, 0).isGreedy).toBe(true);
    });

    it('by POST /v1/score, continuations of one context together', async () => {
      const cut = 10;
      const ends = [cut + 1, cut + 5, ids.length];
      const response = await linnet.gateway.post(
        {
          model: name,
          context: ids.slice(0, cut),
          continuations: ends.map((end) => ids.slice(cut, end)),
          logprobs: 1,
        },
        { path: '/v1/score' },
      );
      const { data } = await response.json();
      for (const [index, end] of ends.entries()) {
        const theirs = expected.slice(cut, end);
        const mean = sumOf(theirs) / theirs.length;
        expect(Math.abs(data[index].score - sumOf(theirs))).toBeLessThan(TOLERANCE);
        expect(data[index].perplexity / Math.exp(-mean)).toBeCloseTo(1, 4);
        expect(data[index].is_greedy).toBe(theirs.every(({ isBest }) => isBest));
        expect(data[index].token_ranks.map((rank: number) => rank === 1)).toEqual(
          theirs.map(({ isBest }) => isBest),
        );
      }
    });
  },
);

it('There are fixtures to compare with', () => {
  expect(CASES.length).toBeGreaterThan(5);
});
