import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { withEnoughTime } from '../../support/enough-time.js';
import { readAll, wireRequest } from '../../support/grpc-harness.js';
import { type Linnet, startLinnet } from '../../support/linnet.js';
import { readEvents, readRest } from '../../support/sse.js';

let linnet: Linnet;
beforeAll(async () => {
  linnet = await startLinnet({ server: { allowsFaults: true } });
  await linnet.engine.load();
});
afterAll(() => linnet.close());

const REQUEST = { prompt: 'Once', max_tokens: 8, ignore_eos: true };

function post(fault: string, body: object = {}, path = '/v1/completions') {
  return linnet.gateway.post({ ...REQUEST, ...body }, { path, headers: { 'x-linnet-fault': fault } });
}

describe('A fault that a request asks for', () => {
  it('delays the answer', async () => {
    const startedAtMs = performance.now();
    const response = await post('delay=300ms');
    expect(performance.now() - startedAtMs).toBeGreaterThan(295);
    expect(response.status).toBe(200);
  });

  it.each([
    ['queue_full', 429],
    ['deadline_exceeded', 504],
    ['engine_unavailable', 503],
    ['model_load_failed', 503],
  ])('fails the request with a reason of the catalogue: %s', async (reason, status) => {
    const response = await post(`abort=${reason}`);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({
      error: { code: reason, message: 'The request asked for this fault by x-linnet-fault.' },
    });
    expect(await linnet.model()).toMatchObject({ load: { runningRequests: 0, waitingRequests: 0 } });
  });

  it('cuts a stream after so many messages, of which `accepted` is the first, and frees its place', async () => {
    const events = await readRest(readEvents(await post('cut-after=3', { stream: true })));
    expect(events).toHaveLength(3);
    expect(JSON.parse(events[2]!)).toMatchObject({ error: { code: 'engine_unavailable' } });
    await vi.waitFor(async () =>
      expect(await linnet.model()).toMatchObject({ load: { runningRequests: 0 } }),
    );
  });

  it('lets a stream fall silent until its deadline', async () => {
    const partialText = await withEnoughTime(500, async (ms) => {
      const response = await post('stall-after=3', { timeout_ms: ms });
      expect(response.status).toBe(504);
      const { error } = await response.json();
      expect(error).toMatchObject({ code: 'deadline_exceeded' });
      return error.partial_text || undefined;
    });
    expect(partialText.length).toBeGreaterThan(0);
  });

  it('is done to other requests too, and several at once', async () => {
    const score = { context: 'Once', continuations: [' upon'] };
    const startedAtMs = performance.now();
    const response = await post('delay=100ms, abort=queue_full', score, '/v1/score');
    expect(response.status).toBe(429);
    expect(performance.now() - startedAtMs).toBeGreaterThan(95);
    expect((await post('abort=engine_unavailable', {}, '/v1/tokenize')).status).toBe(503);
  });

  it('is asked for over gRPC by metadata of the same name', async () => {
    const metadata = new Metadata();
    metadata.set('x-linnet-fault', 'cut-after=2');
    const { messages, error } = await readAll(linnet.completion.generate(wireRequest(), metadata));
    expect(messages).toHaveLength(2);
    expect(error?.details).toBe('The request asked for this fault by x-linnet-fault.');
  });

  it.each(['', 'delay', 'delay=1h', 'delay=61s', 'abort=cancelled', 'cut-after=-1', 'cut-after=1;delay=1s'])(
    'is refused where it is none: %j',
    async (fault) => {
      const metadata = new Metadata();
      metadata.set('x-linnet-fault', fault);
      const { error } = await readAll(linnet.completion.generate(wireRequest(), metadata));
      expect(error?.details).toContain('`x-linnet-fault` must be of delay=200ms (up to 60s)');
    },
  );
});

describe('A service that allows no faults', () => {
  it('refuses a request that asks for one, and says what it would take', async () => {
    const strict = await startLinnet();
    try {
      const response = await strict.gateway.post(REQUEST, { headers: { 'x-linnet-fault': 'delay=1s' } });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: {
          message: '`x-linnet-fault` needs a service that was started with --allow-faults.',
          param: 'x-linnet-fault',
        },
      });
    } finally {
      await strict.close();
    }
  });
});
