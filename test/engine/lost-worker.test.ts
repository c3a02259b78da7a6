import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Engine, EngineOptions, ModelInfo } from '../../src/engine/index.js';
import { complete, createTestEngine, requestFor } from '../support/engine-under-test.js';
import { blockWorker, crashWorker } from '../support/worker-fault.js';

let engine: Engine | undefined;
afterEach(async () => {
  await engine?.close();
});

async function start(options: Partial<EngineOptions> = {}) {
  const started = createTestEngine({ loadRetryDelayMs: 50, ...options });
  engine = started;
  const told: ModelInfo[] = [];
  started.onStateChange((model) => told.push(model));
  await started.load();
  const [first] = started.models();
  told.splice(0);
  return { started, told, first };
}

/** Begins a long request, and reads its first tokens. Returns what reads the rest. */
async function begin(of: Engine) {
  const request = requestFor('Once', {
    maxTokens: 240,
    sampling: { ...requestFor('').sampling, temperature: 1 },
  });
  const events = of.generate(request, new AbortController().signal)[Symbol.asyncIterator]();
  for (let i = 0; i < 3; i++) await events.next();
  return async () => {
    for (let next = await events.next(); !next.done; next = await events.next());
  };
}

const LOADED = { timeout: 30_000 };
const states = (told: readonly ModelInfo[]) => told.map(({ state }) => state);

describe('A worker that dies', () => {
  it('ends what runs at once with one clear error, and its model is loaded again without a request', async () => {
    const { started, told, first } = await start();
    const expected = await complete(started, requestFor('Once'));
    const rests = await Promise.all([1, 2, 3].map(() => begin(started)));
    crashWorker();
    for (const rest of rests) {
      await expect(rest()).rejects.toMatchObject({
        reason: 'ENGINE_UNAVAILABLE',
        message: "The model's worker ended unexpectedly; the model is loaded again. Send the request again.",
        retryAfterMs: 1000,
      });
    }
    expect(told[0]).toMatchObject({
      state: 'unloaded',
      error: expect.stringContaining('ended unexpectedly'),
    });
    await vi.waitFor(() => expect(told.at(-1)).toMatchObject({ state: 'ready', error: undefined }), LOADED);
    expect(states(told)).toEqual(['unloaded', 'failed', 'loading', 'ready']);
    // Until it is there again, it says why it is not.
    expect(told.slice(0, 3).every(({ error }) => error !== undefined)).toBe(true);
    expect(started.models()[0]).toMatchObject({ memoryBytes: first?.memoryBytes });
    expect(await complete(started, requestFor('Once'))).toMatchObject({ text: expected.text });
  });

  it('is replaced for a request that comes before that', async () => {
    const { started, told } = await start({ loadRetryDelayMs: 3_600_000 });
    const rest = await begin(started);
    crashWorker();
    await expect(rest()).rejects.toThrow();
    await complete(started, requestFor('Once'));
    expect(states(told)).toEqual(['unloaded', 'failed', 'loading', 'ready']);
  });
});

describe('A worker whose step hangs', () => {
  it('is given up after three times the limit, and its model is loaded again if it comes back', async () => {
    const onHung = vi.fn();
    const { started, told } = await start({ stepLimitMs: 500, onHung });
    const rest = await begin(started);
    const startedAtMs = performance.now();
    const release = blockWorker();
    onTestFinished(release);
    await expect(rest()).rejects.toMatchObject({
      reason: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('its limit of 500 ms'),
    });
    expect(performance.now() - startedAtMs).toBeGreaterThan(1500);
    expect(told[0]).toMatchObject({ state: 'ready', isStuck: true });
    // Nobody has torn it from what it does: it holds its memory, and owns up to that.
    expect(onHung.mock.calls).toEqual([['tiny']]);
    expect(started.models()[0]).toMatchObject({ state: 'unloaded', isStuck: true });
    expect(started.models()[0]?.memoryBytes).toBeGreaterThan(0);
    await release();
    await vi.waitFor(() => expect(told.at(-1)).toMatchObject({ state: 'ready', isStuck: false }), LOADED);
    await complete(started, requestFor('Once'));
    expect(onHung).toHaveBeenCalledTimes(1);
  });
});

describe('A queue that is full', () => {
  it('is told of from the first refusal until it is a quarter shorter', async () => {
    const { started, told } = await start({ maxRunning: 1, maxWaiting: 4 });
    const rest = await begin(started);
    const controllers = Array.from({ length: 4 }, () => new AbortController());
    const waiting = controllers.map(({ signal }) =>
      complete(started, requestFor('Once', { maxTokens: 1 }), signal).catch(() => undefined),
    );
    await expect(complete(started, requestFor('Once'))).rejects.toMatchObject({ reason: 'QUEUE_FULL' });
    expect(started.models()[0]).toMatchObject({ isQueueFull: true });
    expect(told.map(({ isQueueFull }) => isQueueFull)).toEqual([true]);
    controllers[0]?.abort();
    await vi.waitFor(() => expect(told.map(({ isQueueFull }) => isQueueFull)).toEqual([true, false]), LOADED);
    await Promise.all([rest(), ...waiting]);
  });
});
