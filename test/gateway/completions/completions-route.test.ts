import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FinishReason } from '../../../src/contract/gen/linnet/v1/completion.js';
import { withEnoughTime } from '../../support/enough-time.js';
import { modelNotFound, ScriptedService } from '../../support/scripted-service.js';
import { startTestGateway, type TestGateway } from '../../support/test-gateway.js';

const STREAM = { stream: true };
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

let service: ScriptedService;
let gateway: TestGateway;

beforeEach(async () => {
  service = await ScriptedService.start();
  gateway = await startTestGateway({ engineAddress: service.address });
});

afterEach(async () => {
  await gateway.close();
  service.stop();
});

async function replaceGateway(settings: Parameters<typeof startTestGateway>[0]): Promise<void> {
  await gateway.close();
  gateway = await startTestGateway({ engineAddress: service.address, ...settings });
}

/** Splits a finished stream into its events' data, and checks that nothing else is between them. */
function eventsOf(body: string): string[] {
  const events = body.split('\n\n');
  expect(events.pop()).toBe('');
  for (const event of events) expect(event).toMatch(/^data: [^\n]+$/);
  return events.map((event) => event.slice('data: '.length));
}

describe('POST /v1/completions', () => {
  it('answers with the whole completion in the shape of OpenAI', async () => {
    service.answer = (call) => call.complete('Once', ' upon');
    const startedAt = Math.floor(Date.now() / 1000);
    const response = await gateway.post({ prompt: 'A tale', max_tokens: 2, seed: '5' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('x-request-id')).toMatch(UUID);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const body = await response.json();
    expect(body).toEqual({
      id: expect.stringMatching(/^cmpl-/),
      object: 'text_completion',
      system_fingerprint: 'fp_test',
      created: expect.any(Number),
      model: 'fable',
      choices: [{ text: 'Once upon', index: 0, logprobs: null, finish_reason: 'length', stop_reason: null }],
      usage: {
        prompt_tokens: 5,
        completion_tokens: 2,
        total_tokens: 7,
        prompt_tokens_details: { cached_tokens: 3 },
        completion_tokens_details: { accepted_prediction_tokens: 1 },
      },
    });
    expect(body.id).toBe(`cmpl-${response.headers.get('x-request-id')}`);
    expect(body.created).toBeGreaterThanOrEqual(startedAt);
  });

  it('asks the engine for what the client asked, under the request id of the answer', async () => {
    const answer = gateway.post({ model: 'fable', prompt: [1, 2], temperature: 0, stop: '\n', mirostat: 2 });
    const call = await service.nextCall();
    expect(call.request).toMatchObject({
      model: 'fable',
      input: { $case: 'promptTokenIds', value: { ids: [1, 2] } },
      maxTokens: 16,
      temperature: 0,
      topP: undefined,
      stop: ['\n'],
    });
    call.complete('x');
    const response = await answer;
    expect(call.requestId).toBe(response.headers.get('x-request-id'));
    expect(response.headers.get('x-linnet-ignored-fields')).toBe('mirostat');
  });

  it('asks the engine for penalties, biases and what ends the completion', async () => {
    const answer = gateway.post({
      ...{ prompt: 'x', presence_penalty: 0.5, frequency_penalty: 0.3, repetition_penalty: 1.1, min_p: 0.1 },
      ...{
        logit_bias: { '0': 1.5, '50256': -100 },
        min_tokens: 2,
        ignore_eos: true,
        stop_token_ids: [0, 13],
      },
    });
    const call = await service.nextCall();
    expect(call.request).toMatchObject({
      ...{ presencePenalty: 0.5, frequencyPenalty: 0.3, repetitionPenalty: 1.1, minP: 0.1 },
      ...{ logitBias: { 0: 1.5, 50256: -100 }, minTokens: 2, ignoreEos: true, stopTokenIds: [0, 13] },
    });
    call.complete('x');
    expect((await answer).headers.has('x-linnet-ignored-fields')).toBe(false);
  });

  it('keeps a request id that the client made up, unless it is not fit for a header', async () => {
    service.answer = (call) => call.complete('x');
    const answerTo = (id: string) => gateway.post({}, { headers: { 'x-request-id': id } });
    const idOf = async (id: string) => (await answerTo(id)).headers.get('x-request-id');
    expect(await idOf('client.id-1')).toBe('client.id-1');
    expect((await (await answerTo('client.id-1')).json()).id.slice(5)).toMatch(UUID);
    expect(await idOf('no spaces')).toMatch(UUID);
    expect(await idOf('x'.repeat(129))).toMatch(UUID);
  });

  it('says which stop string or token ended it', async () => {
    const choiceFor = async (
      stop: { $case: 'stopString'; value: string } | { $case: 'stopTokenId'; value: number },
    ) => {
      service.answer = (call) => {
        call.accept().finish({ finishReason: FinishReason.STOP, stop });
      };
      return (await (await gateway.post({})).json()).choices[0];
    };
    expect(await choiceFor({ $case: 'stopString', value: '\n' })).toMatchObject({
      text: '',
      finish_reason: 'stop',
      stop_reason: '\n',
    });
    expect(await choiceFor({ $case: 'stopTokenId', value: 50256 })).toMatchObject({ stop_reason: 50256 });
  });

  it('is at /completions too', async () => {
    service.answer = (call) => call.complete('x');
    expect((await gateway.post({}, { path: '/completions' })).status).toBe(200);
  });

  it('says where the time went, in a header and in the log', async () => {
    service.answer = (call) => {
      call.accept();
      call.sendText('Once');
      call.finish({ timings: { queueMs: 1.25, prefillMs: 20, decodeMs: 300.04 } });
    };
    const whole = await gateway.post({ prompt: 'A tale' });
    expect(whole.headers.get('server-timing')).toBe('queue;dur=1.3, prefill;dur=20, decode;dur=300');
    const [line] = await gateway.logged(1);
    expect(line).toMatchObject({ queueMs: 1.3, prefillMs: 20, decodeMs: 300, firstTokenMs: 21.3 });
    const stream = await gateway.post({ prompt: 'A tale', stream: true });
    expect(stream.headers.get('server-timing')).toMatch(/^accept;dur=\d+\.\d$/);
    await stream.text();
  });

  it('says where the time of each choice went, where that is asked for', async () => {
    service.answer = (call) => {
      call.accept();
      call.finishChoice({ index: 0, timings: { queueMs: 1.25, prefillMs: 20, decodeMs: 300.04 } });
      call.finish({ index: 1, timings: { queueMs: 1, prefillMs: 2, decodeMs: 3 } });
    };
    const timings = [
      { queue_ms: 1.3, prefill_ms: 20, decode_ms: 300 },
      { queue_ms: 1, prefill_ms: 2, decode_ms: 3 },
    ];
    const request = { prompt: 'A tale', n: 2, timings: true };
    const { choices } = await (await gateway.post(request)).json();
    expect(choices.map((choice: { timings: unknown }) => choice.timings)).toEqual(timings);
    const stream = await gateway.post({ ...request, stream: true });
    const events = eventsOf(await stream.text());
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event));
    expect(chunks.map((chunk) => chunk.choices[0].timings)).toEqual(timings);
    expect(await (await gateway.post({ ...request, timings: false })).text()).not.toContain('timings');
  });

  it('logs one line without prompt and completion', async () => {
    service.answer = (call) => call.complete('the answer');
    await gateway.post({ prompt: 'the question' });
    const [line] = await gateway.logged(1);
    expect(line).toMatchObject({
      method: 'POST',
      path: '/v1/completions',
      status: 200,
      requestId: expect.stringMatching(UUID),
      completionId: expect.stringMatching(/^cmpl-/),
      model: 'fable',
      promptTokens: 5,
      completionTokens: 2,
      finishReason: 'length',
      ms: expect.any(Number),
    });
    expect(JSON.stringify(line)).not.toMatch(/question|answer/);
  });
});

describe('POST /v1/completions with "stream": true', () => {
  it('frames each chunk as one event, the reason on the last, then [DONE]', async () => {
    service.answer = (call) => call.complete('Once', '', ' upon\n\u2028"');
    const response = await gateway.post({ stream: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('x-request-id')).toMatch(UUID);
    const body = await response.text();
    const { id, created } = JSON.parse(eventsOf(body)[0] ?? '');
    const head = `{"id":"${id}","object":"text_completion","created":${created},"model":"fable","system_fingerprint":"fp_test","choices":`;
    expect(body).toBe(
      `data: ${head}[{"text":"Once","index":0,"logprobs":null,"finish_reason":null}]}\n\n` +
        `data: ${head}[{"text":" upon\\n\u2028\\"","index":0,"logprobs":null,"finish_reason":null}]}\n\n` +
        `data: ${head}[{"text":"","index":0,"logprobs":null,"finish_reason":"length","stop_reason":null}]}\n\n` +
        'data: [DONE]\n\n',
    );
  });

  it('adds one chunk with the usage, and usage null elsewhere, where the client asks for it', async () => {
    service.answer = (call) => call.complete('Once');
    const response = await gateway.post({ stream: true, stream_options: { include_usage: true } });
    const events = eventsOf(await response.text());
    expect(events.pop()).toBe('[DONE]');
    const chunks = events.map((event) => JSON.parse(event));
    expect(chunks.map(({ usage }) => usage)).toEqual([
      null,
      null,
      {
        prompt_tokens: 5,
        completion_tokens: 2,
        total_tokens: 7,
        prompt_tokens_details: { cached_tokens: 3 },
        completion_tokens_details: { accepted_prediction_tokens: 1 },
      },
    ]);
    expect(chunks[2].choices).toEqual([]);
  });

  it('sends each delta when it comes', async () => {
    const answer = gateway.post({ stream: true });
    const call = await service.nextCall();
    call.accept();
    const reader = (await answer).body?.pipeThrough(new TextDecoderStream()).getReader();
    for (const text of ['a', 'b', 'c']) {
      call.sendText(text);
      expect((await reader?.read())?.value).toContain(`"text":"${text}"`);
    }
    call.finish();
  });

  it('answers a refusal with its HTTP status', async () => {
    service.answer = (call) => call.fail(modelNotFound('nope'));
    const response = await gateway.post({ model: 'nope', stream: true });
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await response.json()).toEqual({
      error: {
        message: 'The model `nope` does not exist.',
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_found',
      },
    });
  });

  it('ends with one error event and without [DONE] where it fails after its beginning', async () => {
    service.answer = (call) => {
      call.accept().sendText('Once');
      call.fail({ reason: 'INTERNAL', message: 'The engine failed.' });
    };
    const response = await gateway.post({ stream: true });
    expect(response.status).toBe(200);
    const events = eventsOf(await response.text());
    expect(events).toHaveLength(2);
    expect(JSON.parse(events[1] ?? '')).toEqual({
      error: { message: 'The engine failed.', type: 'server_error', param: null, code: 'internal_error' },
    });
    expect(await gateway.logged(1)).toMatchObject([{ status: 200, error: 'internal_error' }]);
  });

  it('does not pass off a stream that ends too early as whole', async () => {
    service.answer = (call) => {
      call.accept().sendText('Once');
      call.endEarly();
    };
    const events = eventsOf(await (await gateway.post({ stream: true })).text());
    expect(events.at(-1)).toContain('"code":"internal_error"');
    const whole = await gateway.post({});
    expect(whole.status).toBe(500);
  });

  it('sends comments while the engine is silent, and errors then go into the stream', async () => {
    await replaceGateway({ pingIntervalMs: 10 });
    const answer = gateway.post({ stream: true });
    const call = await service.nextCall();
    const response = await answer;
    expect(response.status).toBe(200);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toMatch(/^(: ping\n\n)+$/);
    call.fail({ reason: 'MODEL_LOAD_FAILED', message: 'No.' });
    let rest = '';
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) rest += part.value;
    expect(rest).toMatch(/^(: ping\n\n)*data: \{"error":\{.*"code":"model_load_failed"\}\}\n\n$/);
  });

  it('keeps the HTTP status open until the engine has answered', async () => {
    const answer = gateway.post({ stream: true });
    const call = await service.nextCall();
    call.fail({ reason: 'QUEUE_FULL', message: 'Full.', retryAfterMs: 1500 });
    const response = await answer;
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(response.headers.get('retry-after-ms')).toBe('1500');
  });

  it('stops reading from the engine while the client does not read, and cuts a client that never does', async () => {
    await replaceGateway({ pingIntervalMs: 100, stallTimeoutMs: 400 });
    const socket = connect(gateway.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const body = '{"stream":true}';
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    socket.pause();
    const call = (await service.nextCall()).accept();
    const text = 'x'.repeat(64 * 1024);
    let ended: string | undefined;
    const end = call.ended.then((how) => {
      ended = how;
    });
    let numSent = 0;
    while (ended === undefined && numSent < 1024) {
      numSent += 1;
      if (!call.sendText(text)) await Promise.race([call.drained(), end]);
    }
    socket.destroy();
    expect(ended).toBe('cancelled');
    // What the kernel and the two HTTP/2 ends hold; all of it would be 1024.
    expect(numSent).toBeLessThan(400);
  });
});

describe('A connection that carried a stream', () => {
  it('lets the next request wait for longer than a stream may be stalled', async () => {
    await replaceGateway({ pingIntervalMs: 20, stallTimeoutMs: 40 });
    const socket = connect(gateway.port, '127.0.0.1').setEncoding('utf8');
    let received = '';
    const until = (text: string) =>
      new Promise<void>((resolve) => {
        const check = () => received.includes(text) && resolve();
        socket.on('data', check).on('close', resolve);
        check();
      });
    socket.on('data', (part) => {
      received += part;
    });
    const post = (body: string) =>
      socket.write(
        `POST /completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    post('{"stream":true}');
    (await service.nextCall()).complete('one');
    await until('[DONE]');
    post('{}');
    const call = await service.nextCall();
    await new Promise((resolve) => setTimeout(resolve, 150));
    call.complete('two');
    await until('"text":"two"');
    socket.destroy();
    expect(received).toContain('"text":"two"');
  });
});

describe('A client that goes away', () => {
  async function leave(body: object, sendFirst: boolean) {
    const client = new AbortController();
    const answer = gateway.post(body, { signal: client.signal });
    const settled = answer.then(
      (response) => response.text(),
      () => 'left',
    );
    const call = await service.nextCall();
    if (sendFirst) {
      call.accept().sendText('Once');
      await answer;
    }
    client.abort();
    await settled.catch(() => 'left');
    return call;
  }

  it.each([
    ['while its stream runs', { stream: true }, true],
    ['while it waits for its turn', { stream: true }, false],
    ['while its answer is collected', { stream: false }, false],
  ])('ends its generation by the Cancel RPC %s', async (_when, body, sendFirst) => {
    const call = await leave(body, sendFirst);
    expect(await call.ended).toBe('cancelled');
    expect(service.cancelKeys).toEqual([call.request.cancelKey]);
    expect(await gateway.logged(1)).toMatchObject([{ status: 499 }]);
  });

  it.each(['missing', 'pretend'] as const)('has its call reset where Cancel is %s', async (mode) => {
    await replaceGateway({ cancelGraceMs: 30 });
    service.cancelMode = mode;
    const call = await leave({ stream: true }, true);
    expect(await call.ended).toBe('reset');
  });

  it('makes up a new secret for each request', async () => {
    service.answer = (call) => {
      keys.add(call.request.cancelKey);
      call.complete('x');
    };
    const keys = new Set<string | undefined>();
    for (let i = 0; i < 3; i += 1) await gateway.post({}, { headers: { 'x-request-id': 'same' } });
    expect(keys.size).toBe(3);
    expect(keys).not.toContain('same');
  });

  it('is not cancelled when its answer is whole', async () => {
    service.answer = (call) => call.complete('x');
    await (await gateway.post({ stream: true })).text();
    await gateway.post({});
    await gateway.logged(2);
    expect(service.cancelKeys).toEqual([]);
  });
});

describe('A deadline', () => {
  it('ends a request that takes longer, with 504 and the text that there was', async () => {
    service.answer = (call) => void call.accept().sendText('Once');
    const error = await withEnoughTime(100, async (ms) => {
      const response = await gateway.post({ timeout_ms: ms });
      expect(response.status).toBe(504);
      expect(response.headers.get('x-should-retry')).toBe('false');
      const { error } = await response.json();
      return error.completion_tokens > 0 ? error : undefined;
    });
    expect(error).toEqual({
      message: 'The deadline passed while the completion was generated, after 1 tokens.',
      type: 'timeout_error',
      param: null,
      code: 'deadline_exceeded',
      phase: 'decode',
      completion_tokens: 1,
      partial_text: 'Once',
    });
  });

  it('tells the texts of several choices in their order, also of those that have none yet', async () => {
    const answer = gateway.post({ prompt: ['a', 'b'], n: 2, timeout_ms: 60_000 });
    const call = (await service.nextCall()).accept();
    call.sendText('later', 3);
    call.sendText('first', 0);
    const metadata = { phase: 'decode', completionTokens: '2' };
    call.fail({ reason: 'DEADLINE_EXCEEDED', message: 'The deadline passed.', metadata });
    const { error } = await (await answer).json();
    expect(error).toMatchObject({ code: 'deadline_exceeded', completion_tokens: 2 });
    expect(error.partial_texts).toEqual(['first', '', '', 'later']);
    expect(error.partial_text).toBeUndefined();
  });

  it("says in a stream's error what the engine said, after the text that there was", async () => {
    const answer = gateway.post({ stream: true, timeout_ms: 60_000 });
    const call = await service.nextCall();
    call.accept().sendText('Once');
    const metadata = { phase: 'decode', completionTokens: '1' };
    call.fail({ reason: 'DEADLINE_EXCEEDED', message: 'The deadline passed.', metadata });
    const events = eventsOf(await (await answer).text()).map((event) => JSON.parse(event));
    expect(events[0].choices[0].text).toBe('Once');
    expect(events[1].error).toEqual({
      message: 'The deadline passed.',
      type: 'timeout_error',
      param: null,
      code: 'deadline_exceeded',
      phase: 'decode',
      completion_tokens: 1,
    });
  });

  it.each([
    ['the body', { timeout_ms: 40_000 }, {}, 40_000],
    ['the header', {}, { 'x-request-timeout-ms': '50000' }, 50_000],
    ['the shorter of both', { timeout_ms: 70_000 }, { 'x-request-timeout-ms': '60000' }, 60_000],
    ['the OpenAI library of JavaScript', {}, { 'x-stainless-timeout': '30' }, 33_100],
    ['the OpenAI library of Python', {}, { 'x-stainless-read-timeout': '20.5' }, 22_650],
    [
      'nobody, where a library limits only the wait for the next part',
      STREAM,
      { 'x-stainless-timeout': '30' },
      null,
    ],
    ['nobody, where a library does not say', {}, { 'x-stainless-read-timeout': 'None' }, null],
  ])('comes to the engine from %s', async (_who, body, headers: Record<string, string>, expectedMs) => {
    service.answer = (call) => call.complete('x');
    let remainingMs: number | undefined;
    service.onDeadline = (deadlineAtMs) => {
      remainingMs = deadlineAtMs - Date.now();
    };
    await (await gateway.post(body, { headers })).text();
    if (expectedMs === null) expect(remainingMs).toBe(Number.POSITIVE_INFINITY);
    else {
      expect(remainingMs).toBeLessThanOrEqual(expectedMs);
      expect(remainingMs).toBeGreaterThan(expectedMs - 5000);
    }
  });

  it.each(['0', '-1', '1.5', 'soon', '86400001', ''])('of %j in the header is refused', async (text) => {
    const response = await gateway.post({}, { headers: { 'x-request-timeout-ms': text } });
    expect(response.status).toBe(400);
    expect((await response.json()).error).toMatchObject({
      param: 'x-request-timeout-ms',
      code: 'invalid_value',
    });
  });
});
