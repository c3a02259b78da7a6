import OpenAI, { BadRequestError, InternalServerError, NotFoundError, RateLimitError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { type Linnet, startLinnet } from '../support/linnet.js';

let checkpoint: CheckpointCopy;
let linnet: Linnet;
let openai: OpenAI;
beforeAll(async () => {
  checkpoint = new CheckpointCopy().lengthen(32);
  const models = [{ id: 'long', directory: checkpoint.directory }];
  linnet = await startLinnet({ engine: { models, maxRunning: 1, maxWaiting: 1 } });
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
  });

  it('ends the generation when it leaves the loop, and when it aborts', async () => {
    for (const leave of ['break', 'controller']) {
      const stream = await openai.completions.create({ ...ENDLESS, stream: true });
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

  it('throws its own errors, which name the field', async () => {
    const badField = await failureOf(openai.completions.create({ ...REQUEST, temperature: 3 }));
    expect(badField).toBeInstanceOf(BadRequestError);
    expect(badField).toMatchObject({ status: 400, param: 'temperature', code: 'invalid_value' });

    const tooLong = await failureOf(
      openai.completions.create({ ...REQUEST, max_tokens: 9000, stream: true }),
    );
    expect(tooLong).toBeInstanceOf(BadRequestError);
    expect(tooLong).toMatchObject({ param: 'max_tokens', code: 'context_length_exceeded' });

    const noModel = await failureOf(openai.completions.create({ ...REQUEST, model: 'gpt-5' }));
    expect(noModel).toBeInstanceOf(NotFoundError);
    expect(noModel).toMatchObject({ param: 'model', code: 'model_not_found' });
  });

  it('throws RateLimitError while the queue is full, and is served when it tries again', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const running = await openai.completions.create({ ...ENDLESS, stream: true }, { signal });
    const waiting = failureOf(openai.completions.create(ENDLESS, { signal }));
    while ((await linnet.model()).load?.waitingRequests !== 1);
    const refused = await failureOf(openai.completions.create(REQUEST));
    expect(refused).toBeInstanceOf(RateLimitError);
    expect(refused).toMatchObject({ status: 429, code: 'queue_full' });

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

  it('lists and finds the models', async () => {
    const ids: string[] = [];
    for await (const model of openai.models.list()) ids.push(model.id);
    expect(ids).toEqual(['long']);
    expect(await openai.models.retrieve('long')).toMatchObject({ id: 'long', owned_by: 'linnet' });
  });

  it('throws InternalServerError once the engine is gone', async () => {
    await linnet.server.close();
    const error = await failureOf(openai.completions.create(REQUEST));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 503, code: 'engine_unavailable' });
  });
});
