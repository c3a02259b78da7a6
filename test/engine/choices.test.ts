import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DEFAULT_SAMPLING,
  type Engine,
  type EngineError,
  type GenerateRequest,
  type SamplingParams,
} from '../../src/engine/index.js';
import {
  complete,
  completeAll,
  createTestEngine,
  promptOf,
  requestFor,
} from '../support/engine-under-test.js';

let engine: Engine;
beforeAll(() => {
  engine = createTestEngine();
});
afterAll(() => engine.close());

function drawnFor(
  prompt: string | readonly number[],
  overrides: Partial<GenerateRequest> = {},
  sampling: Partial<SamplingParams> = {},
): GenerateRequest {
  return requestFor(prompt, { sampling: { ...DEFAULT_SAMPLING, seed: 3n, ...sampling }, ...overrides });
}

describe('choices', () => {
  it('are the same however many there are, and by prompt as if each came alone', async () => {
    const prompts = ['Once upon a time', 'Hello'].map(promptOf);
    const all = await completeAll(engine, drawnFor('', { prompts, n: 5 }));
    expect(new Set(all.map(({ text }) => text)).size).toBe(10);
    for (const [p, prompt] of prompts.entries()) {
      const three = await completeAll(engine, drawnFor('', { prompts: [prompt], n: 3 }));
      expect(three.map(({ tokenIds }) => tokenIds)).toEqual(
        all.slice(5 * p, 5 * p + 3).map(({ tokenIds }) => tokenIds),
      );
    }
  });

  it('share what the request consumed: prompts once, all that was generated', async () => {
    const prompts = ['Once upon a time', 'Hello'].map(promptOf);
    const all = await completeAll(engine, drawnFor('', { prompts, n: 3, maxTokens: 9 }));
    const usages = all.map(({ finished }) => finished.usage);
    const most = usages.toSorted((a, b) => b.completionTokens - a.completionTokens)[0];
    expect(most).toMatchObject({ promptTokens: 5, completionTokens: 54, cachedTokens: 0 });
  });

  it('count the tokens of a prompt that were cached once', async () => {
    const prompt = Array.from({ length: 100 }, (_, i) => (i * 7919) % 50_000);
    await complete(engine, drawnFor(prompt, { maxTokens: 1 }));
    const all = await completeAll(engine, drawnFor(prompt, { n: 4 }));
    for (const { finished } of all)
      expect(finished.usage).toMatchObject({ promptTokens: 100, cachedTokens: 64 });
  });

  it('are made 128 at a time on few places', async () => {
    const small = createTestEngine({ maxRunning: 10 });
    try {
      const all = await completeAll(small, drawnFor('Hello', { n: 128, maxTokens: 5 }));
      expect(all.map(({ tokenIds }) => tokenIds.length)).toEqual(Array(128).fill(5));
      expect(
        (await completeAll(engine, drawnFor('Hello', { n: 128, maxTokens: 5 }))).map(({ text }) => text),
      ).toEqual(all.map(({ text }) => text));
    } finally {
      await small.close();
    }
  });

  it('end each at its own stop, while the others go on', async () => {
    const free = await completeAll(engine, drawnFor('Hello', { n: 6, maxTokens: 30 }));
    const stop = free[2]!.text.slice(12, 15);
    const stopped = await completeAll(engine, drawnFor('Hello', { n: 6, maxTokens: 30, stop: [stop] }));
    for (const [i, { text, finished }] of stopped.entries()) {
      const end = free[i]!.text.indexOf(stop);
      expect(text).toBe(end < 0 ? free[i]!.text : free[i]!.text.slice(0, end));
      expect(finished.finishReason).toBe(end < 0 ? 'length' : 'stop');
    }
  });

  it.each<[string, Partial<GenerateRequest>, Partial<EngineError>]>([
    [
      'a foreign token',
      { prompts: [promptOf('a'), { field: 'prompts[1].token_ids', input: [1, 60_000] }] },
      { reason: 'INVALID_FIELD', field: 'prompts[1].token_ids.ids[1]' },
    ],
    [
      'one that is too long',
      { prompts: [promptOf('a'), { field: 'prompts[1].text', input: 'word '.repeat(400) }] },
      { reason: 'CONTEXT_LENGTH_EXCEEDED', field: 'prompts[1].text' },
    ],
    [
      'one that is too long by itself, where nothing is generated',
      { prompts: [{ field: 'prompt_token_ids', input: Array(257).fill(1) }], maxTokens: 0 },
      { reason: 'CONTEXT_LENGTH_EXCEEDED', field: 'prompt_token_ids' },
    ],
  ])('are refused where the prompts have %s', async (_, overrides, error) => {
    await expect(completeAll(engine, requestFor('a', overrides))).rejects.toMatchObject(error);
  });

  it('are refused as one when the queue is full, before anything is said', async () => {
    const small = createTestEngine({ maxRunning: 1, maxWaiting: 1 });
    try {
      await small.load();
      const long = drawnFor('Hello', { n: 3, maxTokens: 200 });
      const running = completeAll(small, long);
      const waiting = completeAll(small, long);
      const events: unknown[] = [];
      const refused = async () => {
        for await (const event of small.generate(long, new AbortController().signal)) events.push(event);
      };
      await expect(refused()).rejects.toMatchObject({ reason: 'QUEUE_FULL' });
      expect(events).toEqual([]);
      const texts = (await running).map(({ text }) => text);
      expect((await waiting).map(({ text }) => text)).toEqual(texts);
      expect(small.models()[0]!.load).toMatchObject({ runningRequests: 0, waitingRequests: 0 });
    } finally {
      await small.close();
    }
  });

  it('are all gone within a step when they are aborted', async () => {
    const abort = new AbortController();
    const request = drawnFor('Hello', { prompts: Array(20).fill(promptOf('Hello')), n: 20, maxTokens: 200 });
    const run = async () => {
      for await (const event of engine.generate(request, abort.signal))
        if (event.type === 'delta') abort.abort();
    };
    await expect(run()).rejects.toMatchObject({ reason: 'CANCELLED' });
    await complete(engine, requestFor('Hi', { maxTokens: 2 }));
    expect(engine.models()[0]!.load).toMatchObject({ runningRequests: 0, kvCacheUsedBytes: 0 });
  });
});

describe('the best of several candidates', () => {
  it('are those with the greatest mean logprob, the best first', async () => {
    const prompts = ['Once upon a time', 'Hello'].map(promptOf);
    const request = drawnFor('', { prompts, maxTokens: 20, logprobs: 0 }, { stopTokenIds: [11, 13] });
    const candidates = await completeAll(engine, { ...request, n: 8, bestOf: 8 });
    const best = await completeAll(engine, { ...request, n: 3, bestOf: 8, logprobs: undefined });
    const mean = ({ logprobs }: (typeof candidates)[number]) =>
      logprobs.reduce((sum, { logprob }) => sum + logprob!, 0) / logprobs.length;
    for (const p of [0, 1]) {
      const ranked = candidates.slice(8 * p, 8 * p + 8).toSorted((a, b) => mean(b) - mean(a));
      const chosen = best.slice(3 * p, 3 * p + 3);
      expect(chosen.map(({ tokenIds }) => tokenIds)).toEqual(
        ranked.slice(0, 3).map(({ tokenIds }) => tokenIds),
      );
      expect(chosen.map(({ text }) => text)).toEqual(ranked.slice(0, 3).map(({ text }) => text));
    }
    const total = candidates.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
    expect(Math.max(...best.map(({ finished }) => finished.usage.completionTokens))).toBe(total);
    expect(best.every(({ logprobs }) => logprobs.length === 0)).toBe(true);
  });
});

describe('text, echo and logprobs', () => {
  // At this temperature the small model draws from the whole vocabulary, pieces of characters included.
  const requests = fc.record({
    prompt: fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
      fc.constantFrom('a<|endoftext|>b', '👩‍👩‍👧‍👦é'),
      fc.array(fc.nat(50_256), { minLength: 1, maxLength: 12 }),
    ),
    n: fc.constantFrom(1, 1, 3),
    extra: fc.constantFrom(0, 0, 2),
    maxTokens: fc.constantFrom(0, 1, 12),
    stop: fc.constantFrom([], ['e', ' a', '\ufffd']),
    stopTokenIds: fc.constantFrom([], [11, 262]),
    includeStop: fc.boolean(),
    seed: fc.bigInt({ min: 0n, max: 1000n }),
  });

  it('agree: the prompt and the text without echo are the text with it, and logprobs and ids align', async () => {
    await fc.assert(
      fc.asyncProperty(requests, async ({ prompt, extra, stopTokenIds, seed, ...rest }) => {
        const request = drawnFor(
          prompt,
          { ...rest, bestOf: rest.n + extra },
          { seed, stopTokenIds, temperature: 2 },
        );
        const [bare, echoed, told] = await Promise.all([
          completeAll(engine, request),
          completeAll(engine, { ...request, echo: true }),
          completeAll(engine, { ...request, echo: true, logprobs: 2 }),
        ]);
        const ids = typeof prompt === 'string' ? undefined : prompt;
        const text = typeof prompt === 'string' ? prompt : (await engine.detokenize('', prompt)).text;
        for (const [i, { tokenIds, text: completion, finished }] of bare.entries()) {
          expect(echoed[i]!.text).toBe(text + completion);
          const echoedIds = echoed[i]!.tokenIds.slice(0, echoed[i]!.echoedTokens);
          if (ids !== undefined) expect(echoedIds).toEqual(ids);
          expect(echoed[i]!.tokenIds).toEqual([...echoedIds, ...tokenIds]);
          expect(echoed[i]!.finished).toMatchObject({
            finishReason: finished.finishReason,
            stop: finished.stop,
          });
          expect(told[i]).toMatchObject({ text: echoed[i]!.text, tokenIds: echoed[i]!.tokenIds });
          const { logprobs, echoedTokens } = told[i]!;
          expect(logprobs).toHaveLength(told[i]!.tokenIds.length);
          expect(logprobs.map(({ logprob }) => logprob === undefined)).toEqual(
            logprobs.map((_, index) => index === 0),
          );
          const characters = [...told[i]!.text];
          for (const [index, { textOffset, tokenBytes, top }] of logprobs.entries()) {
            expect(top).toHaveLength(index === 0 ? 0 : 2);
            const piece = new TextDecoder('utf-8', { ignoreBOM: true }).decode(tokenBytes);
            // Where its bytes are whole characters and in the text, the token's text is where it is said to be.
            if (piece.includes('\ufffd') || index >= echoedTokens + bare[i]!.tokenIds.length - 1) continue;
            if (index >= echoedTokens && piece === '<|endoftext|>') continue;
            expect(characters.slice(textOffset, textOffset + [...piece].length).join('')).toBe(piece);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('give each token the same logprob echoed as generated, and with any number of neighbours', async () => {
    const request = requestFor('Hello', { maxTokens: 30, logprobs: 3 });
    const alone = await complete(engine, request);
    const many = await completeAll(engine, { ...request, n: 4, bestOf: 4 });
    for (const { logprobs } of many) expect(logprobs).toEqual(alone.logprobs);
    const { ids } = { ids: (await engine.tokenize('', 'Hello')).tokens.map(({ id }) => id) };
    const whole = requestFor([...ids, ...alone.tokenIds], { maxTokens: 0, echo: true, logprobs: 0 });
    const echoed = (await complete(engine, whole)).logprobs.slice(ids.length);
    for (const [i, { logprob, textOffset }] of echoed.entries()) {
      expect(Math.abs(logprob! - alone.logprobs[i]!.logprob!)).toBeLessThan(1e-3);
      expect(textOffset).toBe(alone.logprobs[i]!.textOffset);
    }
  });
});
