import OpenAI, { BadRequestError, InternalServerError, NotFoundError, RateLimitError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { expectSchema } from '../support/documented.js';
import { type Linnet, startLinnet } from '../support/linnet.js';

let checkpoint: CheckpointCopy;
let linnet: Linnet;
let openai: OpenAI;
beforeAll(async () => {
  checkpoint = new CheckpointCopy().lengthen(32);
  const models = [{ id: 'long', directory: checkpoint.directory }];
  linnet = await startLinnet({ engine: { models, maxRunning: 4, maxWaiting: 1 } });
  openai = new OpenAI({ baseURL: `${linnet.gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(async () => {
  await linnet.close();
  checkpoint.remove();
});

const REQUEST = { model: 'long', prompt: 'The future of AI is', max_tokens: 30, seed: 7 };
// It takes many times as long as whatever a test does meanwhile, on a busy machine too.
const ENDLESS = { ...REQUEST, max_tokens: 8000, ignore_eos: true };

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  );

async function untilIdle(): Promise<void> {
  while ((await linnet.model()).load?.runningRequests !== 0);
}

describe('The official OpenAI client', () => {
  it('gets the same text streamed and collected', async () => {
    const completion = await openai.completions.create(REQUEST);
    const stream = await openai.completions.create({
      ...REQUEST,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: unknown;
    const reasons: unknown[] = [];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.text ?? '';
      if (chunk.choices[0]?.finish_reason) reasons.push(chunk.choices[0].finish_reason);
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(completion.choices[0]?.text);
    expect(reasons).toEqual([completion.choices[0]?.finish_reason]);
    expect(usage).toEqual(completion.usage);
    expect(completion.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 30, total_tokens: 35 });
    expect(completion._request_id).toMatch(/^[\da-f-]{36}$/);
    expectSchema('Completion', completion);
  });

  it('gets several choices of several prompts, in whatever form, streamed and collected', async () => {
    const request = { ...REQUEST, prompt: ['Once', 'upon'], n: 2, max_tokens: 8, seed: 11 };
    const { choices } = await openai.completions.create(request);
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(new Set(choices.map(({ text }) => text)).size).toBe(4);

    const texts = ['', '', '', ''];
    for await (const chunk of await openai.completions.create({ ...request, stream: true })) {
      for (const { index, text } of chunk.choices) texts[index] += text;
    }
    expect(texts).toEqual(choices.map(({ text }) => text));

    const tokenize = async (prompt: string) => {
      const answer = await openai.post<{ tokens: number[] }>('/tokenize', {
        body: { model: 'long', prompt },
      });
      return answer.tokens;
    };
    const prompt = await Promise.all(request.prompt.map(tokenize));
    const ids = await openai.completions.create({ ...request, prompt });
    expect(ids.choices).toEqual(choices);
  });

  it('gets the best of several candidates, the best first', async () => {
    const all = await openai.completions.create({ ...REQUEST, n: 5, max_tokens: 6, logprobs: 0 });
    const best = await openai.completions.create({
      ...REQUEST,
      n: 2,
      best_of: 5,
      max_tokens: 6,
      logprobs: 0,
    });
    const mean = ({ logprobs }: OpenAI.CompletionChoice) => {
      const values = logprobs?.token_logprobs ?? [];
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    const sorted = all.choices.toSorted((a, b) => mean(b) - mean(a));
    expect(best.choices.map(({ text }) => text)).toEqual(sorted.slice(0, 2).map(({ text }) => text));
    expect(best.usage?.completion_tokens).toBe(30);
  });

  it('gets log-probabilities that fit the text, with the prompt echoed', async () => {
    const completion = await openai.completions.create({
      ...REQUEST,
      max_tokens: 4,
      echo: true,
      logprobs: 2,
    });
    const [choice] = completion.choices;
    const { tokens = [], token_logprobs, top_logprobs, text_offset } = choice?.logprobs ?? {};
    expect(tokens.slice(0, 5)).toEqual(['The', ' future', ' of', ' AI', ' is']);
    expect(choice?.text.startsWith(REQUEST.prompt)).toBe(true);
    for (const list of [tokens, token_logprobs, top_logprobs, text_offset]) expect(list).toHaveLength(9);
    expect(text_offset?.slice(0, 6)).toEqual([0, 3, 10, 13, 16, 19]);
    expect(token_logprobs?.[0]).toBeNull();
    expect(top_logprobs?.[0]).toBeNull();
    for (const [place, top] of Object.entries(top_logprobs ?? []).slice(1)) {
      expect(Object.keys(top).length).toBeGreaterThanOrEqual(2);
      expect(top[tokens[Number(place)] ?? '']).toBe(token_logprobs?.[Number(place)]);
    }
  });

  it('ends the generation when it leaves the loop, and when it aborts', async () => {
    for (const leave of ['break', 'controller']) {
      const stream = await openai.completions.create({ ...ENDLESS, n: 2, stream: true });
      const { signal } = stream.controller;
      for await (const _chunk of stream) {
        if (signal.aborted) continue; // what had arrived before
        expect((await linnet.model()).load?.runningRequests).toBe(1);
        if (leave === 'break') break;
        stream.controller.abort();
      }
      await untilIdle();
    }
    const controller = new AbortController();
    const answer = failureOf(openai.completions.create(ENDLESS, { signal: controller.signal }));
    while ((await linnet.model()).load?.runningRequests !== 1);
    controller.abort();
    expect(await answer).toBeInstanceOf(OpenAI.APIUserAbortError);
    await untilIdle();
  });

  it('ends the generation when it will not wait any longer', async () => {
    const error = await failureOf(openai.completions.create(ENDLESS, { timeout: 200 }));
    expect(error).toBeInstanceOf(OpenAI.APIConnectionTimeoutError);
    await untilIdle();
  });

  it('throws InternalServerError where the service takes longer than it was told to', async () => {
    const error = await failureOf(
      openai.completions.create({ ...ENDLESS, timeout_ms: 100 } as typeof ENDLESS),
    );
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 504, code: 'deadline_exceeded', type: 'timeout_error' });
    await untilIdle();
  });

  it('throws its own errors, which name the field', async () => {
    const badField = await failureOf(openai.completions.create({ ...REQUEST, temperature: 3 }));
    expect(badField).toBeInstanceOf(BadRequestError);
    expect(badField).toMatchObject({ status: 400, param: 'temperature', code: 'invalid_value' });
    expect((badField as BadRequestError).requestID).toMatch(/^[\da-f-]{36}$/);

    const suffix = await failureOf(openai.completions.create({ ...REQUEST, suffix: 'the end.' }));
    expect(suffix).toMatchObject({ status: 400, param: 'suffix', code: 'invalid_value' });

    const tooLong = await failureOf(
      openai.completions.create({ ...REQUEST, max_tokens: 9000, stream: true }),
    );
    expect(tooLong).toBeInstanceOf(BadRequestError);
    expect(tooLong).toMatchObject({
      ...{ param: 'max_tokens', code: 'context_length_exceeded' },
      error: { n_prompt_tokens: 5, n_ctx: 8192 },
      message: expect.stringContaining("This model's maximum context length is 8192 tokens."),
    });

    const noModel = await failureOf(openai.completions.create({ ...REQUEST, model: 'gpt-5' }));
    expect(noModel).toBeInstanceOf(NotFoundError);
    expect(noModel).toMatchObject({ param: 'model', code: 'model_not_found' });
  });

  it('throws RateLimitError while the queue is full, and is served when it tries again', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const running = await openai.completions.create({ ...ENDLESS, n: 4, stream: true }, { signal });
    const waiting = failureOf(openai.completions.create(ENDLESS, { signal }));
    while ((await linnet.model()).load?.waitingRequests !== 1);
    const refused = await failureOf(openai.completions.create(REQUEST));
    expect(refused).toBeInstanceOf(RateLimitError);
    expect(refused).toMatchObject({ status: 429, code: 'queue_full', type: 'rate_limit_error' });
    const { headers } = refused as RateLimitError;
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(headers.get('retry-after-ms'))).toBeGreaterThan(0);

    const retrying = openai.completions.create(REQUEST, { maxRetries: 3 });
    controller.abort();
    expect((await retrying).choices[0]?.text).not.toBe('');
    await waiting;
    await failureOf(
      (async () => {
        for await (const _chunk of running);
      })(),
    );
    await untilIdle();
  });

  it('gives the response itself to who wants it, whole or as a stream', async () => {
    const { data, response, request_id } = await openai.completions.create(REQUEST).withResponse();
    expect(data.choices[0]?.text).not.toBe('');
    expect(request_id).toBe(response.headers.get('x-request-id'));
    expect(data.id).toBe(`cmpl-${request_id}`);

    const raw = await openai.completions.create({ ...REQUEST, stream: true }).asResponse();
    expect(raw.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await raw.text()).toMatch(/^data: \{.*\}\n\ndata: \[DONE\]\n\n$/s);
  });

  it('sends fields that it does not know itself, and learns which had no effect', async () => {
    const extended = { ...REQUEST, min_tokens: 2, return_token_ids: true, mirostat: 2 };
    const { data, response } = await openai.completions.create(extended as typeof REQUEST).withResponse();
    expect(response.headers.get('x-linnet-ignored-fields')).toBe('mirostat');
    const [choice] = data.choices as (OpenAI.CompletionChoice & Record<string, unknown>)[];
    expect(choice?.['prompt_token_ids']).toEqual([464, 2003, 286, 9552, 318]);
    expect(choice?.['token_ids']).toHaveLength(30);
  });

  it('lists and finds the models', async () => {
    const ids: string[] = [];
    for await (const model of openai.models.list()) ids.push(model.id);
    expect(ids).toEqual(['long']);
    expect(await openai.models.retrieve('long')).toMatchObject({ id: 'long', owned_by: 'linnet' });
    const unknown = await failureOf(openai.models.retrieve('gpt-5'));
    expect(unknown).toBeInstanceOf(NotFoundError);
    expect(unknown).toMatchObject({ param: 'model', code: 'model_not_found' });
  });

  it('throws InternalServerError once the engine is gone', async () => {
    await linnet.server.close();
    const error = await failureOf(openai.completions.create(REQUEST));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 503, code: 'engine_unavailable' });
  });
});
