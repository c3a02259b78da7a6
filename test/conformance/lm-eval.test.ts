import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { fixtureCheckpoint, type Reference, readReference } from '../support/fixtures.js';
import { type Linnet, startLinnet } from '../support/linnet.js';

/** How near log-likelihoods must be to those of Hugging Face transformers. */
const TOLERANCE = 1e-3;

const VOCABULARY = 50_257;

/**
 * Fixtures of which transformers' logits are there for every position. Their vocabularies are small; to be served, they
 * are filled up with tokens whose logits are 0, which adds a known number to the sum of the softmax.
 */
const SMALL = ['base', 'deep', 'f16', 'layer-scaled', 'untied'];

const copies = SMALL.map((name) => ({ name, copy: new CheckpointCopy(name).padVocabulary(VOCABULARY) }));
let linnet: Linnet;
beforeAll(async () => {
  const models = [
    { id: 'real-vocab', directory: fixtureCheckpoint('real-vocab') },
    ...copies.map(({ name, copy }) => ({ id: name, directory: copy.directory })),
  ];
  linnet = await startLinnet({ engine: { models } });
});
afterAll(async () => {
  await linnet.close();
  for (const { copy } of copies) copy.remove();
});

/** What transformers says of a token: its log-probability, and whether no other is more probable. */
interface Expected {
  readonly logprob: number;
  readonly isBest: boolean;
}

/** @param logits of the tokens of the fixture's own vocabulary. */
function expectedOf(logits: Float32Array, id: number): Expected {
  const numAdded = VOCABULARY - logits.length;
  const greatest = Math.max(numAdded > 0 ? 0 : Number.NEGATIVE_INFINITY, ...logits);
  const added = numAdded * Math.exp(-greatest);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - greatest), added);
  const own = logits[id]!;
  return { logprob: own - greatest - Math.log(sum), isBest: own === greatest };
}

/** Of each token of the reference; of the first one transformers says nothing. */
function expectedOfAll({ inputIds, logits }: Reference): readonly Expected[] {
  const vocabSize = logits.length / inputIds.length;
  return Array.from(inputIds, (id, place) =>
    place === 0
      ? { logprob: Number.NaN, isBest: false }
      : expectedOf(logits.subarray((place - 1) * vocabSize, place * vocabSize), id),
  );
}

const sumOf = (values: readonly Expected[]) => values.reduce((sum, { logprob }) => sum + logprob, 0);

interface ScoredChoice {
  readonly logprobs: {
    readonly tokens: string[];
    readonly token_logprobs: (number | null)[];
    readonly top_logprobs: (Record<string, number> | null)[];
  };
}

/** Asks as lm-evaluation-harness does: token arrays, several at a time, echoed with their log-probabilities. */
async function askHarness(model: string, prompts: readonly number[][], maxTokens: number) {
  const response = await linnet.gateway.post({
    ...{ model, prompt: prompts, max_tokens: maxTokens, temperature: 0, logprobs: 1, echo: true, seed: 1234 },
  });
  expect(response.status).toBe(200);
  const { choices } = (await response.json()) as { choices: ScoredChoice[] };
  expect(choices).toHaveLength(prompts.length);
  return choices;
}

/** Reads an answer as lm-evaluation-harness does: the context's tokens are skipped, and so are generated ones. */
function readHarness({ logprobs }: ScoredChoice, contextLength: number, numGenerated: number) {
  const end = logprobs.token_logprobs.length - numGenerated;
  const values = logprobs.token_logprobs.slice(contextLength, end) as number[];
  const tops = logprobs.top_logprobs.slice(contextLength, end) as Record<string, number>[];
  return {
    logprob: values.reduce((sum, value) => sum + value, 0),
    isGreedy: values.every((value, place) => value === Math.max(...Object.values(tops[place]!))),
  };
}

describe.each(SMALL)('Scoring as lm-evaluation-harness does it agrees with transformers: %s', (name) => {
  const reference = readReference(name);
  const expected = expectedOfAll(reference);
  const ids = Array.from(reference.inputIds);
  const cuts = [1, 2, 10, ids.length - 2];

  // The harness of today asks for a token, and drops it.
  it.each([0, 1])('with max_tokens %i', async (maxTokens) => {
    const prompt = ids.slice(0, ids.length - maxTokens);
    const choices = await askHarness(name, Array(cuts.length).fill(prompt), maxTokens);
    for (const [index, cut] of cuts.entries()) {
      const scored = readHarness(choices[index]!, cut, maxTokens);
      const theirs = expected.slice(cut, prompt.length);
      expect(Math.abs(scored.logprob - sumOf(theirs))).toBeLessThan(TOLERANCE);
      expect(scored.isGreedy).toBe(theirs.every(({ isBest }) => isBest));
    }
  });

  it('token by token', async () => {
    const [choice] = await askHarness(name, [ids], 0);
    const { token_logprobs: logprobs } = choice!.logprobs;
    expect(logprobs).toHaveLength(ids.length);
    expect(logprobs[0]).toBeNull();
    for (const [place, { logprob }] of expected.entries()) {
      if (place > 0) expect(Math.abs(logprobs[place]! - logprob)).toBeLessThan(TOLERANCE);
    }
  });

  it('by POST /v1/score, continuations of one context together', async () => {
    const cut = 10;
    const ends = [cut + 1, cut + 5, ids.length];
    const continuations = ends.map((end) => ids.slice(cut, end));
    const body = { model: name, context: ids.slice(0, cut), continuations, logprobs: 1 };
    const response = await linnet.gateway.post(body, { path: '/v1/score' });
    const { data } = await response.json();
    expect(data).toHaveLength(ends.length);
    for (const [index, end] of ends.entries()) {
      const theirs = expected.slice(cut, end);
      expect(Math.abs(data[index].score - sumOf(theirs))).toBeLessThan(TOLERANCE);
      const perplexity = Math.exp(-sumOf(theirs) / theirs.length);
      expect(data[index].perplexity / perplexity).toBeCloseTo(1, 4);
      expect(data[index].is_greedy).toBe(theirs.every(({ isBest }) => isBest));
      expect(data[index].token_ranks.map((rank: number) => rank === 1)).toEqual(
        theirs.map(({ isBest }) => isBest),
      );
    }
  });
});

describe('Scoring agrees with transformers on a checkpoint with the real vocabulary', () => {
  const reference = readReference('real-vocab');
  const ids = Array.from(reference.inputIds);
  const model = 'real-vocab';

  it('in the sum over a text, which is its perplexity', async () => {
    const [choice] = await askHarness(model, [ids], 0);
    const theirs = -(ids.length - 1) * Math.log(reference.perplexity);
    expect(Math.abs(readHarness(choice!, 1, 0).logprob - theirs)).toBeLessThan(TOLERANCE);
  });

  it('in what may come after it, probable or not', async () => {
    const last = reference.logits.subarray(VOCABULARY * (reference.logitPositions.length - 1));
    const candidates = [0, 13, 464, 27_287, 50_256, last.indexOf(Math.max(...last))];
    const body = { model, context: ids, continuations: candidates.map((id) => [id]) };
    const { data } = await (await linnet.gateway.post(body, { path: '/v1/score' })).json();
    for (const [index, id] of candidates.entries()) {
      expect(Math.abs(data[index].score - expectedOf(last, id).logprob)).toBeLessThan(TOLERANCE);
      expect(data[index].token_ranks).toEqual([1 + last.filter((logit) => logit > last[id]!).length]);
    }
    expect(data.map((score: { is_greedy: boolean }) => score.is_greedy)).toEqual([
      ...Array(candidates.length - 1).fill(false),
      true,
    ]);
  });

  it('in that its greedy continuation is greedy, and another one is not', async () => {
    const prompt = Array.from(reference.greedyPromptIds);
    const greedy = Array.from(reference.greedyIds);
    const other = greedy.with(100, (greedy[100]! + 1) % VOCABULARY);
    const choices = await askHarness(
      model,
      [
        [...prompt, ...greedy],
        [...prompt, ...other],
      ],
      0,
    );
    expect(choices.map((choice) => readHarness(choice, prompt.length, 0).isGreedy)).toEqual([true, false]);
  });
});
