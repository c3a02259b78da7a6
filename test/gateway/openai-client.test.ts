import OpenAI, {
  APIError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { modelNotFound, ScriptedService } from '../support/scripted-service.js';
import { startTestGateway, type TestGateway } from '../support/test-gateway.js';

let service: ScriptedService;
let gateway: TestGateway;
let openai: OpenAI;

beforeEach(async () => {
  service = await ScriptedService.start();
  gateway = await startTestGateway({ engineAddress: service.address });
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
});

afterEach(async () => {
  await gateway.close();
  service.stop();
});

const REQUEST = { model: 'fable', prompt: 'Once' };

async function caught(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error) => error,
  );
}

describe('The official OpenAI client', () => {
  it('gets a completion', async () => {
    service.answer = (call) => call.complete(' upon', ' a time');
    const completion = await openai.completions.create(REQUEST);
    expect(completion.choices[0]?.text).toBe(' upon a time');
    expect(completion.usage?.total_tokens).toBe(7);
    expect(completion._request_id).toMatch(/^[\da-f-]{36}$/);
  });

  it('streams a completion with usage', async () => {
    service.answer = (call) => call.complete(' upon', ' a time');
    const stream = await openai.completions.create({
      ...REQUEST,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    const reasons: unknown[] = [];
    let usage: unknown;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.text ?? '';
      reasons.push(chunk.choices[0]?.finish_reason);
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(' upon a time');
    expect(reasons).toEqual([null, null, 'length', undefined]);
    expect(usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 2 });
  });

  it('ends the generation when it aborts, by its controller and by leaving the loop', async () => {
    service.answer = undefined;
    for (const abort of ['controller', 'break']) {
      const creating = openai.completions.create({ ...REQUEST, stream: true });
      const call = await service.nextCall();
      call.accept().sendText('Once');
      const stream = await creating;
      for await (const _chunk of stream) {
        if (abort === 'break') break;
        stream.controller.abort();
      }
      expect(await call.ended).toBe('cancelled');
    }
  });

  it('ends the generation of an answer that is collected when its signal aborts', async () => {
    const controller = new AbortController();
    const answer = caught(openai.completions.create(REQUEST, { signal: controller.signal }));
    const call = await service.nextCall();
    controller.abort();
    expect(await answer).toBeInstanceOf(OpenAI.APIUserAbortError);
    expect(await call.ended).toBe('cancelled');
  });

  it('throws BadRequestError that names the field', async () => {
    const error = await caught(openai.completions.create({ ...REQUEST, temperature: 3 }));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ status: 400, param: 'temperature', code: 'invalid_value' });
    expect((error as BadRequestError).requestID).toMatch(/^[\da-f-]{36}$/);
  });

  it('throws NotFoundError for an unknown model', async () => {
    service.answer = (call) => call.fail(modelNotFound('nope'));
    const error = await caught(openai.completions.create({ ...REQUEST, model: 'nope' }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model' });
  });

  it('throws InternalServerError while the engine is down', async () => {
    service.stop();
    const error = await caught(openai.completions.create(REQUEST));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 503, code: 'engine_unavailable' });
  });

  it('tries again when the server says, and throws RateLimitError when that is in vain', async () => {
    // No other timer has this length; the library's own back-off would be at least 375 ms, Retry-After alone a second.
    const retryAfterMs = 157;
    let numCalls = 0;
    service.answer = (call) => {
      numCalls += 1;
      call.fail({ reason: 'QUEUE_FULL', message: 'The queue is full.', retryAfterMs });
    };
    const timers = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => timers.mockRestore());
    const error = await caught(openai.completions.create(REQUEST, { maxRetries: 1 }));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ code: 'queue_full' });
    expect(numCalls).toBe(2);
    expect(timers.mock.calls.map(([, ms]) => ms)).toContain(retryAfterMs);
  });

  it('throws the error that ends a stream', async () => {
    service.answer = (call) => {
      call.accept().sendText('Once');
      call.fail({ reason: 'INTERNAL', message: 'The engine failed.' });
    };
    const stream = await openai.completions.create({ ...REQUEST, stream: true });
    const texts: unknown[] = [];
    const error = await caught(
      (async () => {
        for await (const chunk of stream) texts.push(chunk.choices[0]?.text);
      })(),
    );
    expect(texts).toEqual(['Once']);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: 'internal_error' });
  });

  it('ignores the comments that are sent while the engine is silent', async () => {
    await gateway.close();
    gateway = await startTestGateway({ engineAddress: service.address, pingIntervalMs: 5 });
    openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none' });
    const creating = openai.completions.create({ ...REQUEST, stream: true });
    const call = await service.nextCall();
    const stream = await creating;
    call.complete('Once');
    const texts: unknown[] = [];
    for await (const chunk of stream) texts.push(chunk.choices[0]?.text);
    expect(texts).toEqual(['Once', '']);
  });

  it('lists and finds models', async () => {
    const ids: string[] = [];
    for await (const model of openai.models.list()) ids.push(model.id);
    expect(ids).toEqual(['fable']);
    expect((await openai.models.retrieve('fable')).owned_by).toBe('linnet');
  });
});
