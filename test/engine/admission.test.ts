import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Engine, EngineError, EngineOptions, GenerateRequest } from '../../src/engine/index.js';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { complete, createTestEngine, requestFor } from '../support/engine-under-test.js';
import { blockWorker } from '../support/worker-fault.js';

let checkpoint: CheckpointCopy;
beforeAll(() => {
  checkpoint = new CheckpointCopy().lengthen(8);
});
afterAll(() => checkpoint.remove());

let engine: Engine;
afterEach(() => engine.close());

async function start(options: Partial<EngineOptions>): Promise<void> {
  engine = createTestEngine({ models: [{ id: 'long', directory: checkpoint.directory }], ...options });
  await engine.load();
}

/** Fills one place until it is released. */
async function occupy(tenant = 'flood') {
  const controller = new AbortController();
  const request = requestFor('Once', { maxTokens: 2000, tenant });
  const iterator = engine.generate(request, controller.signal)[Symbol.asyncIterator]();
  await iterator.next();
  return async () => {
    controller.abort();
    await iterator.return?.();
  };
}

/** Runs a request, and notes its name when it ends, and how. */
function run(ended: string[], name: string, overrides: Partial<GenerateRequest> = {}): Promise<void> {
  const request = requestFor(name, { maxTokens: 4, tenant: name.split(' ')[0], ...overrides });
  return complete(engine, request).then(
    () => void ended.push(name),
    (error: EngineError) => void ended.push(`${name}: ${error.reason} ${error.metadata['limit']}`),
  );
}

const numWaiting = () => engine.models()[0]?.load.waitingRequests;

describe('A full queue', () => {
  it('refuses at once, whatever the worker does', async () => {
    await start({ maxRunning: 1, maxWaiting: 1 });
    const release = await occupy();
    const ended: string[] = [];
    const waiting = run(ended, 'flood 1');
    await expect.poll(numWaiting).toBe(1);
    const goOn = blockWorker();
    onTestFinished(goOn);
    const refused = await complete(engine, requestFor('flood', { tenant: 'flood' })).catch((error) => error);
    expect(refused).toMatchObject({
      reason: 'QUEUE_FULL',
      message: 'The queue is full: 1 requests wait. Try again in 1000 ms.',
      metadata: { limit: 'requests', waitingRequests: '1', retryAfterMs: '1000' },
      retryAfterMs: 1000,
    });
    await goOn();
    await release();
    await waiting;
    expect(ended).toEqual(['flood 1']);
  });

  it('says when to come back by the pace that was measured', async () => {
    await start({ maxRunning: 1, maxWaiting: 10 });
    const startedAtMs = performance.now();
    const others = Array.from({ length: 11 }, (_, i) => run([], `flood ${i}`, { maxTokens: 300 }));
    await others[3];
    const msEach = (performance.now() - startedAtMs) / 4;
    const more = Array.from({ length: 12 }, (_, i) => run([], `flood ${i}`, { maxTokens: 300 }));
    const refused = await complete(engine, requestFor('flood', { tenant: 'flood' })).catch((error) => error);
    expect(refused.reason).toBe('QUEUE_FULL');
    // Ten wait. Others have the machine too, now more and now less of it.
    expect(refused.retryAfterMs).toBeGreaterThan((10 * msEach) / 5);
    expect(refused.retryAfterMs).toBeLessThan(10 * msEach * 5);
    await engine.close();
    await Promise.all([...others, ...more]);
  });

  it('makes room for a tenant that has less of it, and gives it its turn', async () => {
    await start({ maxRunning: 1, maxWaiting: 3 });
    const release = await occupy();
    const ended: string[] = [];
    const flood = [1, 2, 3, 4].map((i) => run(ended, `flood ${i}`));
    await expect.poll(() => ended).toEqual(['flood 4: QUEUE_FULL requests']);
    const guest = run(ended, 'guest 1');
    await expect.poll(() => ended.slice(1)).toEqual(['flood 3: QUEUE_FULL share']);
    expect(numWaiting()).toBe(3);
    await release();
    await Promise.all([...flood, guest]);
    expect(ended.slice(2)).toEqual(['flood 1', 'guest 1', 'flood 2']);
  });

  it('is told before a deadline, and before the prompt is looked at', async () => {
    await start({ maxRunning: 1, maxWaiting: 0 });
    const release = await occupy();
    const ended: string[] = [];
    await run(ended, 'flood 1', { prompts: [{ field: 'prompt', input: 'far too long '.repeat(2000) }] });
    expect(ended).toEqual(['flood 1: QUEUE_FULL requests']);
    await release();
  });
});

describe('A queue that takes long', () => {
  it('refuses a tenant that would wait longer than is allowed, and takes one whose turn comes soon', async () => {
    await start({ maxRunning: 1, maxWaiting: 100, maxWaitMs: 400 });
    const ended: string[] = [];
    const others = Array.from({ length: 40 }, (_, i) => run(ended, `flood ${i}`, { maxTokens: 600 }));
    await others[2];
    expect(engine.models()[0]?.load.predictedWaitMs).toBeGreaterThan(400);
    const refused = await complete(engine, requestFor('flood', { tenant: 'flood' })).catch((error) => error);
    expect(refused).toMatchObject({ reason: 'QUEUE_FULL', metadata: { limit: 'wait' } });
    expect(refused.retryAfterMs).toBeGreaterThan(400);
    const beforeGuest = ended.length;
    await run(ended, 'guest 1');
    // One of the flood's was running, and one had its turn before.
    expect(ended.indexOf('guest 1') - beforeGuest).toBeLessThanOrEqual(3);
    await engine.close();
    await Promise.all(others);
  });
});
