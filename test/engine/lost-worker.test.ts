import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Engine, EngineOptions, ModelInfo } from '../../src/engine/index.js';
import { complete, createTestEngine, requestFor } from '../support/engine-under-test.js';
import { blockWorker, blockWorkerForGood, killWorker } from '../support/worker-fault.js';

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

// Behind a switch: where a thread goes while its run is under way, ONNX Runtime's binding may end the whole process, which
// `linnet serve` starts again, but a test runner does not.
const withCrashes = describe.skipIf(process.env['LINNET_TEST_CRASH'] === undefined);

withCrashes('A worker that dies', () => {
  it('ends what runs at once with one clear error, and its model is loaded again without a request', async () => {
    const { started, told, first } = await start();
    const expected = await complete(started, requestFor('Once'));
    const rests = await Promise.all([1, 2, 3].map(() => begin(started)));
    killWorker();
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
    killWorker();
    await expect(rest()).rejects.toThrow();
    await complete(started, requestFor('Once'));
    expect(states(told)).toEqual(['unloaded', 'failed', 'loading', 'ready']);
  });
});

withCrashes('A worker whose step hangs', () => {
  it('is ended after three times the limit, and its model is loaded again', async () => {
    const { started, told } = await start({ stepLimitMs: 100 });
    const rest = await begin(started);
    const startedAtMs = performance.now();
    blockWorker(3_600_000).catch(() => undefined);
    await expect(rest()).rejects.toMatchObject({
      reason: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('its limit of 100 ms'),
    });
    expect(performance.now() - startedAtMs).toBeGreaterThan(300);
    await vi.waitFor(() => expect(told.at(-1)).toMatchObject({ state: 'ready', isStuck: false }), LOADED);
    expect(told[0]).toMatchObject({ state: 'ready', isStuck: true });
    await complete(started, requestFor('Once'));
  });

  it('is told of where it can not be ended, since it is in native code', async () => {
    const onUnstoppable = vi.fn();
    const { started, told } = await start({ stepLimitMs: 100, onUnstoppable });
    const rest = await begin(started);
    blockWorkerForGood();
    await expect(rest()).rejects.toMatchObject({ reason: 'ENGINE_UNAVAILABLE' });
    expect(onUnstoppable).not.toHaveBeenCalled();
    await vi.waitFor(() => expect(onUnstoppable).toHaveBeenCalledWith('tiny'), LOADED);
    expect(told.at(-1)).toMatchObject({ state: 'unloaded', isStuck: true });
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
