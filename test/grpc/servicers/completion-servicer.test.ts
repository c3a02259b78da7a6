import { once } from 'node:events';
import { type ClientReadableStream, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type CancelResponse,
  GenerateRequest,
  type GenerateResponse,
} from '../../../src/contract/gen/linnet/v1/completion.js';
import { decodeRichStatus } from '../../../src/contract/rich-status.js';
import { EngineError } from '../../../src/engine/index.js';
import {
  type GrpcHarness,
  readAll,
  startGrpcHarness,
  unary,
  wireRequest,
} from '../../support/grpc-harness.js';
import { callRaw, openRaw } from '../../support/raw-grpc.js';
import { accepted, delta, finished, type Generation } from '../../support/scripted-engine.js';

const KEY = 'a-key-that-nobody-guesses';

let harness: GrpcHarness;
beforeEach(async () => {
  harness = await startGrpcHarness({ stallLimitMs: 250 });
});
afterEach(() => harness.close());

function cases(messages: readonly GenerateResponse[]) {
  return messages.map(({ event }) => event?.$case);
}

async function begin(fields = {}, metadata = new Metadata()) {
  const next = harness.engine.next();
  const call = harness.client.generate(wireRequest(fields), metadata);
  const result = readAll(call);
  return { call, result, generation: await next };
}

function cancelByKey(cancelKey: string) {
  return unary<CancelResponse>((done) => harness.client.cancel({ cancelKey }, done));
}

/** Reads until the stream brings no more because nobody reads it: until a pull takes longer than all before. */
async function pullsUntilStuck(generation: Generation): Promise<number> {
  for (;;) {
    const { pulled } = generation;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setTimeout(resolve));
    if (generation.pulled === pulled) return pulled;
  }
}

describe('Generate', () => {
  it('streams accepted, deltas and finished in the order of the engine', async () => {
    const { result, generation } = await begin({ seed: -7n }, new Metadata());
    generation.emit(accepted(), delta('Hé'), delta(''), finished());
    const { messages, error } = await result;
    expect(error).toBeUndefined();
    expect(cases(messages)).toEqual(['accepted', 'delta', 'delta', 'finished']);
    expect(messages[0]?.event?.value).toMatchObject({
      model: 'test-model',
      seed: -7n,
      promptTokens: 5,
      cachedTokens: 2,
    });
    expect(messages[1]?.event?.value).toMatchObject({
      text: 'Hé',
      tokenIds: [64],
      tokenBytes: Buffer.from('Hé'),
    });
    expect(messages[3]?.event?.value).toMatchObject({ finishReason: 2, usage: { completionTokens: 3 } });
  });

  it('gives the engine what was said, zeros included', async () => {
    const { result, generation } = await begin({ topP: 0, temperature: 0, topK: 0, seed: 0n });
    generation.emit(finished());
    await result;
    expect(generation.request).toMatchObject({
      prompts: [{ field: 'prompt', input: 'Once' }],
      maxTokens: 16,
      sampling: { topP: 0, temperature: 0, topK: 0, seed: 0n },
    });
  });

  it('gives the engine penalties, biases and what ends the completion', async () => {
    const said = {
      minP: 0.1,
      presencePenalty: -0.5,
      frequencyPenalty: 0.3,
      repetitionPenalty: 1.1,
      minTokens: 3,
      ignoreEos: true,
      stopTokenIds: [0, 50_256],
    };
    const { result, generation } = await begin({ ...said, logitBias: { 0: -100, 50256: 2.5 } });
    generation.emit(finished());
    await result;
    const logitBias = new Map([
      [0, -100],
      [50_256, 2.5],
    ]);
    expect(generation.request.sampling).toMatchObject({ ...said, logitBias });
  });

  it("names the request as the caller's x-request-id does, and by itself where that is unfit for logs", async () => {
    const ids = [];
    for (const given of ['trace.7-a_b', 'a b', undefined]) {
      const metadata = new Metadata();
      if (given !== undefined) metadata.set('x-request-id', given);
      const { result, generation } = await begin({}, metadata);
      generation.emit(accepted(), finished());
      const [first] = (await result).messages;
      ids.push(first?.event?.$case === 'accepted' ? first.event.value.requestId : undefined);
    }
    expect(ids[0]).toBe('trace.7-a_b');
    expect(ids[1]).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids[2]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('sends nothing, headers included, before the engine accepts', async () => {
    const { call, result, generation } = await begin();
    let headers = 0;
    call.on('metadata', () => headers++);
    generation.emit(new EngineError('QUEUE_FULL', 'The queue is full.', { retryAfterMs: 1500 }));
    const { messages, error } = await result;
    expect(messages).toEqual([]);
    expect(headers).toBe(0);
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(decodeRichStatus(error as ServiceError)).toMatchObject({
      reason: 'QUEUE_FULL',
      retryAfterMs: 1500,
    });
  });

  it.each([
    ['n', { n: 0 }],
    ['best_of', { n: 3, bestOf: 2 }],
    ['logprobs', { logprobs: 6 }],
    ['prompts', { prompts: [{ input: { $case: 'text', value: 'a' } }] }],
    ['prompts[0]', { input: undefined, prompts: [{ input: undefined }] }],
    ['prompts[0].text', { input: undefined, prompts: [{ input: { $case: 'text', value: '' } }] }],
    ['temperature', { temperature: 2.5 }],
    ['top_p', { topP: Number.NaN }],
    ['prompt', { input: { $case: 'prompt', value: '' } }],
    ['prompt_token_ids', { input: { $case: 'promptTokenIds', value: { ids: [] } } }],
    ['stop', { stop: [''] }],
    ['model', { model: 'x'.repeat(257) }],
    ['cancel_key', { cancelKey: 'short' }],
  ])(
    'refuses a bad %s with INVALID_ARGUMENT that names it, and asks nothing of the engine',
    async (field, fields) => {
      const { error } = await readAll(harness.client.generate(wireRequest(fields as object)));
      expect(error?.code).toBe(status.INVALID_ARGUMENT);
      const rich = decodeRichStatus(error as ServiceError);
      expect(rich).toMatchObject({ reason: 'INVALID_FIELD', field });
      expect(rich?.message).toContain(`\`${field}\``);
      expect(harness.engine.generations).toEqual([]);
    },
  );

  it('ends with the status of a failure after the deltas that came before it', async () => {
    const { result, generation } = await begin();
    generation.emit(accepted(), delta('a'), new EngineError('ENGINE_UNAVAILABLE', 'The worker died.'));
    const { messages, error } = await result;
    expect(cases(messages)).toEqual(['accepted', 'delta']);
    expect(error).toMatchObject({ code: status.UNAVAILABLE, details: 'The worker died.' });
    expect(decodeRichStatus(error as ServiceError)?.reason).toBe('ENGINE_UNAVAILABLE');
  });

  it('tells the caller nothing of an unknown failure, and the log everything', async () => {
    const { result, generation } = await begin({}, new Metadata());
    generation.emit(accepted(), new TypeError('secret of the engine'));
    const { error } = await result;
    expect(error).toMatchObject({ code: status.INTERNAL, details: 'The engine failed.' });
    expect(JSON.stringify(error)).not.toContain('secret');
    const [line] = harness.logs;
    expect(line).toMatchObject({ level: 50, reason: 'INTERNAL', err: { message: 'secret of the engine' } });
  });

  it('logs one line a request, without its text', async () => {
    const metadata = new Metadata();
    metadata.set('x-request-id', 'r-1');
    const { result, generation } = await begin(
      { input: { $case: 'prompt', value: 'private words' } },
      metadata,
    );
    generation.emit(accepted(), delta('private answer'), finished());
    await result;
    expect(harness.logs).toHaveLength(1);
    expect(harness.logs[0]).toMatchObject({
      level: 30,
      rpc: '/linnet.v1.Completion/Generate',
      requestId: 'r-1',
      model: 'test-model',
      promptTokens: 5,
      completionTokens: 3,
      finishReason: 'length',
      queueMs: 1,
      firstTokenMs: 3,
      durationMs: expect.any(Number),
    });
    expect(JSON.stringify(harness.logs)).not.toContain('private');
  });

  it('logs the text where it is asked for', async () => {
    const asked = await startGrpcHarness({ logText: true });
    try {
      asked.engine.script = (generation) =>
        generation.emit(accepted(), delta('public '), delta('answer'), finished());
      await readAll(
        asked.client.generate(wireRequest({ input: { $case: 'prompt', value: 'public words' } })),
      );
      expect(asked.logs[0]).toMatchObject({ prompts: ['public words'], texts: ['public answer'] });
    } finally {
      await asked.close();
    }
  });

  it.each([
    ['before it is accepted', []],
    ['in the middle of its stream', [accepted(), delta('a')]],
  ])('frees the engine when the caller cancels %s', async (_when, events) => {
    const { call, result, generation } = await begin();
    generation.emit(...events);
    if (events.length > 0) await once(call, 'data');
    call.cancel();
    await generation.ended;
    expect(generation.signal.reason).toMatchObject({ reason: 'CANCELLED' });
    expect((await result).error?.code).toBe(status.CANCELLED);
    await expect.poll(() => harness.server.runningRequests).toBe(0);
  });

  it('ends at the deadline, and tells the engine so', async () => {
    const next = harness.engine.next();
    // By hand: a gRPC client ends the call by itself, and on a busy machine that comes before the server's deadline, as
    // a cancellation like any other.
    const response = callRaw(harness.target, {
      path: '/linnet.v1.Completion/Generate',
      message: GenerateRequest.encode(wireRequest()).finish(),
      headers: { 'grpc-timeout': '200m' },
    });
    const generation = await next;
    generation.emit(accepted());
    await generation.ended;
    expect(generation.signal.reason).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    expect((await response)['grpc-status']).toBe(String(status.DEADLINE_EXCEEDED));
  });

  it("tells the engine of a deadline a little before the caller's own, and of none", async () => {
    let arrivedAtMs = 0;
    harness.engine.script = (generation) => {
      arrivedAtMs ||= Date.now();
      generation.emit(finished());
    };
    const before = Date.now();
    for (const deadline of [before + 900, before + 60_000, Number.POSITIVE_INFINITY]) {
      await readAll(harness.client.generate(wireRequest(), { deadline }));
    }
    const [short, long, none] = harness.engine.generations.map(({ request }) => request.deadlineAtMs);
    expect(short! - arrivedAtMs).toBeLessThan(900 - 85); // A tenth less, but for what the clocks are rounded by.
    expect(long! - before).toBeGreaterThan(59_000);
    expect(none).toBeUndefined();
  });

  it('leaves no requests, timers or warnings behind', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    harness.engine.script = (generation) => generation.emit(accepted(), delta('a'), finished());
    const one = () => readAll(harness.client.generate(wireRequest(), { deadline: Date.now() + 30_000 }));
    await one();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    for (let i = 0; i < 100; i++) await one();
    const results = await Promise.all(Array.from({ length: 100 }, one));
    expect(results.every(({ messages }) => messages.length === 3)).toBe(true);
    await Promise.all(harness.engine.generations.map((generation) => generation.ended));
    await new Promise((resolve) => setImmediate(resolve));
    await expect.poll(() => harness.server.runningRequests).toBe(0);
    expect(timers()).toBeLessThanOrEqual(before);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });
});

describe('Generate, to a caller that does not read', () => {
  const KILOBYTE = 'x'.repeat(1000);

  async function beginPaused() {
    const next = harness.engine.next();
    const call = harness.client.generate(wireRequest());
    const generation = await next;
    generation.emit(accepted());
    await once(call, 'data');
    call.pause();
    generation.source = () => delta(KILOBYTE);
    generation.emit(delta(KILOBYTE));
    return { call, generation };
  }

  function resume(call: ClientReadableStream<GenerateResponse>) {
    const result = readAll(call);
    call.resume();
    return result;
  }

  it('stops pulling from the engine, and goes on when the caller does', async () => {
    await harness.close();
    harness = await startGrpcHarness();
    const { call, generation } = await beginPaused();
    const pulled = await pullsUntilStuck(generation);
    expect(pulled).toBeGreaterThan(16);
    expect(pulled).toBeLessThan(300);
    generation.source = undefined;
    generation.emit(finished());
    const { messages, error } = await resume(call);
    expect(error).toBeUndefined();
    expect(messages).toHaveLength(pulled); // Less the accepted that came first, and the finished.
  });

  it('frees the engine after the stall limit', async () => {
    const { call, generation } = await beginPaused();
    await generation.ended;
    expect(generation.signal.reason).toMatchObject({
      reason: 'CANCELLED',
      metadata: { stall_limit_ms: '250' },
    });
    await expect.poll(() => harness.server.runningRequests).toBe(0);
    const { error } = await resume(call);
    expect(error?.code).toBe(status.CANCELLED);
    expect(decodeRichStatus(error as ServiceError)?.message).toContain('250 ms');
  });

  it('frees the engine at the deadline, which grpc-js alone would not notice', async () => {
    await harness.close();
    harness = await startGrpcHarness();
    harness.engine.script = (generation) => {
      generation.source = () => delta(KILOBYTE);
    };
    const next = harness.engine.next();
    // By hand, since a gRPC client would end the call at the deadline by itself.
    const { session } = openRaw(harness.target, {
      path: '/linnet.v1.Completion/Generate',
      message: GenerateRequest.encode(wireRequest()).finish(),
      headers: { 'grpc-timeout': '300m' },
    });
    const generation = await next;
    await generation.ended;
    expect(generation.signal.reason).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    session.destroy();
  });
});

describe('Cancel', () => {
  it('ends every request that carries the key, and no other', async () => {
    const one = await begin({ cancelKey: KEY });
    const two = await begin({ cancelKey: KEY });
    const other = await begin({ cancelKey: `${KEY}-2` });
    one.generation.emit(accepted());
    await once(one.call, 'data');
    expect(await cancelByKey(KEY)).toEqual({ cancelledRequests: 2 });
    for (const { result, generation } of [one, two]) {
      await generation.ended;
      const { error } = await result;
      expect(error?.code).toBe(status.CANCELLED);
      expect(decodeRichStatus(error as ServiceError)?.reason).toBe('CANCELLED');
    }
    other.generation.emit(finished());
    expect((await other.result).error).toBeUndefined();
  });

  it('counts nothing for a key that no running request carries', async () => {
    const { result, generation } = await begin({ cancelKey: KEY });
    generation.emit(finished());
    await result;
    expect(await cancelByKey(KEY)).toEqual({ cancelledRequests: 0 });
  });

  it('refuses what can be no key', async () => {
    await expect(cancelByKey('')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  it('spares the other streams of the connection, however many requests are cancelled', async () => {
    const long = await begin();
    long.generation.emit(accepted());
    await once(long.call, 'data');
    for (let round = 0; round < 15; round++) {
      const keys = Array.from({ length: 100 }, (_, i) => `round-${round}-number-${i}`);
      const results = keys.map((cancelKey) => readAll(harness.client.generate(wireRequest({ cancelKey }))));
      await Promise.all(keys.map(cancelByKey));
      for (const { error } of await Promise.all(results)) expect(error?.code).toBe(status.CANCELLED);
    }
    long.generation.emit(finished());
    expect((await long.result).error).toBeUndefined();
  });
});
