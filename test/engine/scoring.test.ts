import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Engine,
  type EngineError,
  EngineError as Failure,
  type ScoreRequest,
} from '../../src/engine/index.js';
import { complete, createTestEngine, requestFor } from '../support/engine-under-test.js';
import { readReference } from '../support/fixtures.js';

const { signal } = new AbortController();
let engine: Engine;
beforeAll(() => {
  engine = createTestEngine();
});
afterAll(() => engine.close());

function scoring(
  context: string | readonly number[],
  continuations: readonly (string | readonly number[])[],
  logprobs = 0,
): ScoreRequest {
  return {
    model: '',
    context: { field: 'context', input: context },
    continuations: continuations.map((input, i) => ({ field: `continuations[${i}]`, input })),
    logprobs,
  };
}

function sumOf(logprobs: readonly { readonly logprob: number | undefined }[]): number {
  return logprobs.reduce((sum, { logprob }) => sum + logprob!, 0);
}

describe('score', () => {
  // The reference is Hugging Face transformers on PyTorch in f32: test/fixtures/make_checkpoints.py.
  const { inputIds, perplexity, greedyPromptIds, greedyIds } = readReference('real-vocab');

  it("gives transformers' log-likelihood", async () => {
    const ids = [...inputIds];
    const { scores } = await engine.score(scoring(ids.slice(0, 1), [ids.slice(1)]), signal);
    expect(scores[0]!.tokenIds).toEqual(ids.slice(1));
    expect(Math.abs(sumOf(scores[0]!.logprobs) / (ids.length - 1) + Math.log(perplexity))).toBeLessThan(1e-3);
  });

  it('gives the bits that echo gives, wherever the context ends and whatever else is scored', async () => {
    const ids = Array.from({ length: 200 }, (_, i) => (i * 7919) % 50_000);
    const echoed = await complete(engine, requestFor(ids, { maxTokens: 0, echo: true, logprobs: 2 }));
    expect(echoed.logprobs).toHaveLength(200);
    expect(echoed.finished).toMatchObject({ finishReason: 'length', usage: { completionTokens: 0 } });
    for (const end of [1, 63, 64, 65, 130, 199]) {
      const continuations = [ids.slice(end), [1, 2], ids.slice(end)];
      const { scores } = await engine.score(scoring(ids.slice(0, end), continuations, 2), signal);
      for (const i of [0, 2]) {
        const bits = scores[i]!.logprobs.map(({ logprob, rank, top }) => ({ logprob, rank, top }));
        expect(bits).toEqual(
          echoed.logprobs.slice(end).map(({ logprob, rank, top }) => ({ logprob, rank, top })),
        );
      }
    }
  });

  it('knows what greedy decoding says', async () => {
    const greedy = [...greedyIds].slice(0, 100);
    const other = [...greedy.slice(0, 50), (greedy[50]! + 1) % 50_257, ...greedy.slice(51)];
    const { scores } = await engine.score(scoring([...greedyPromptIds], [greedy, other]), signal);
    expect(scores.map(({ isGreedy }) => isGreedy)).toEqual([true, false]);
    expect(scores[0]!.logprobs.every(({ rank }) => rank === 1)).toBe(true);
    expect(scores[0]!.logprobs.every(({ top }) => top.length === 0)).toBe(true);
  });

  it('splits each text by itself, and counts its characters from its beginning', async () => {
    const { scores, usage, model } = await engine.score(
      scoring('Once upon', [' a time', 'é é', [64]], 5),
      signal,
    );
    expect(model).toBe('tiny');
    expect(scores.map(({ tokenIds }) => tokenIds.length)).toEqual([2, 2, 1]);
    expect(scores[0]!.logprobs.map(({ textOffset }) => textOffset)).toEqual([0, 2]);
    expect(scores[1]!.logprobs.map(({ textOffset }) => textOffset)).toEqual([0, 1]);
    expect(scores[1]!.logprobs[0]!.top).toHaveLength(5);
    expect(usage).toMatchObject({ promptTokens: 2 + 5, completionTokens: 0, cachedTokens: 0 });
  });

  it('scores many continuations of one context', async () => {
    const context = Array.from({ length: 130 }, (_, i) => (i * 104_729) % 50_000);
    const continuations = Array.from({ length: 300 }, (_, i) => [i, i + 1]);
    const { scores, usage } = await engine.score(scoring(context, continuations), signal);
    expect(scores.map(({ tokenIds }) => tokenIds)).toEqual(continuations);
    expect(usage).toMatchObject({ promptTokens: 130 + 600, cachedTokens: 0 });
    const again = await engine.score(scoring(context, continuations.slice(7, 8)), signal);
    expect(again.scores[0]).toEqual(scores[7]);
    expect(again.usage.cachedTokens).toBe(128);
  });

  it.each<[string, ScoreRequest, Partial<EngineError>]>([
    ['an empty context', scoring('', ['a']), { reason: 'INVALID_FIELD', field: 'context' }],
    ['an empty text', scoring('a', ['a', '']), { reason: 'INVALID_FIELD', field: 'continuations[1]' }],
    [
      'a foreign token',
      scoring('a', [[50_257]]),
      { reason: 'INVALID_FIELD', field: 'continuations[0].ids[0]' },
    ],
    [
      'a text that does not fit beside the context',
      scoring(Array(200).fill(1), [[1], Array(57).fill(1)]),
      { reason: 'CONTEXT_LENGTH_EXCEEDED', field: 'continuations[1]' },
    ],
    ['a context that is too long', scoring(Array(300).fill(1), [[1]]), { field: 'context' }],
    ['an unknown model', { ...scoring('a', ['b']), model: 'gpt-5' }, { reason: 'MODEL_NOT_FOUND' }],
  ])('refuses %s', async (_, request, error) => {
    await expect(engine.score(request, signal)).rejects.toMatchObject(error);
  });

  it('ends when it is aborted, and leaves nothing', async () => {
    const abort = new AbortController();
    const reason = new Failure('DEADLINE_EXCEEDED', 'too late');
    const continuations = Array.from({ length: 2000 }, (_, i) => Array(100).fill(i));
    const scored = engine.score(scoring('Hello', continuations), abort.signal);
    await expect.poll(() => engine.models()[0]!.load.runningRequests).toBe(1);
    abort.abort(reason);
    await expect(scored).rejects.toBe(reason);
    await complete(engine, requestFor('Hi', { maxTokens: 2 }));
    expect(engine.models()[0]!.load).toMatchObject({ runningRequests: 0, kvCacheUsedBytes: 0 });
  });

  it('fails when the engine closes', async () => {
    const closing = createTestEngine();
    await closing.load();
    const scored = closing.score(scoring('Hello', Array(2000).fill(Array(100).fill(1))), signal);
    scored.catch(() => {});
    await expect.poll(() => closing.models()[0]!.load.runningRequests).toBe(1);
    await closing.close();
    await expect(scored).rejects.toMatchObject({ reason: 'ENGINE_UNAVAILABLE' });
  });
});
