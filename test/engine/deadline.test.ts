import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Engine,
  EngineError,
  type GenerateEvent,
  type GenerateRequest,
} from '../../src/engine/index.js';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { createTestEngine, requestFor } from '../support/engine-under-test.js';
import { withEnoughTime } from '../support/enough-time.js';

let checkpoint: CheckpointCopy;
let engine: Engine;
beforeAll(async () => {
  checkpoint = new CheckpointCopy().lengthen(8);
  engine = createTestEngine({ models: [{ id: 'long', directory: checkpoint.directory }], maxRunning: 1 });
  await engine.load();
});
afterAll(async () => {
  await engine.close();
  checkpoint.remove();
});

interface Ended {
  readonly events: readonly GenerateEvent[];
  readonly error: EngineError | undefined;
}

/** Reads a request to its end. */
async function run(request: GenerateRequest, signal = new AbortController().signal): Promise<Ended> {
  const events: GenerateEvent[] = [];
  try {
    for await (const event of engine.generate(request, signal)) events.push(event);
  } catch (error) {
    if (error instanceof EngineError) return { events, error };
    throw error;
  }
  return { events, error: undefined };
}

const within = (ms: number, request: GenerateRequest) => ({ ...request, deadlineAtMs: Date.now() + ms });

/** Fills the engine's one place until it is released. */
async function occupy() {
  const controller = new AbortController();
  const events = engine.generate(requestFor('Once', { maxTokens: 2000 }), controller.signal);
  const iterator = events[Symbol.asyncIterator]();
  await iterator.next();
  return async () => {
    controller.abort();
    await iterator.return?.();
  };
}

async function untilIdle(): Promise<void> {
  await expect.poll(() => engine.models()[0]?.load).toMatchObject({ runningRequests: 0, waitingRequests: 0 });
}

describe('A deadline', () => {
  it('ends a request that generates, with what there is and the reason', async () => {
    const { events, error, numTokens } = await withEnoughTime(150, async (ms) => {
      const { events, error } = await run(within(ms, requestFor('Once', { maxTokens: 2000 })));
      const numTokens = events.flatMap((event) => (event.type === 'delta' ? event.tokenIds : [])).length;
      return numTokens > 0 ? { events, error, numTokens } : undefined;
    });
    expect(events[0]?.type).toBe('accepted');
    expect(error).toMatchObject({
      reason: 'DEADLINE_EXCEEDED',
      message: `The deadline passed while the completion was generated, after ${numTokens} tokens.`,
      metadata: { phase: 'decode', completionTokens: String(numTokens) },
    });
    await untilIdle();
  });

  it('ends a request that waits for its turn', async () => {
    const release = await occupy();
    const { events, error } = await run(within(60, requestFor('Hello')));
    expect(events).toEqual([]);
    expect(error).toMatchObject({
      reason: 'DEADLINE_EXCEEDED',
      metadata: { phase: 'queue', completionTokens: '0' },
    });
    await release();
    await untilIdle();
  });

  it('that has passed refuses a request at once', async () => {
    const { events, error } = await run(within(-1, requestFor('Hello')));
    expect(events).toEqual([]);
    expect(error?.reason).toBe('DEADLINE_EXCEEDED');
  });

  it('does nothing to a request that is done in time', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const { events, error } = await run(within(30_000, requestFor('Hello', { maxTokens: 4 })));
    expect(error).toBeUndefined();
    expect(events.at(-1)?.type).toBe('finished');
    // One of before may be over.
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it('that is shorter than the queue refuses a request at once, by the pace that was measured', async () => {
    // Long enough that the queue is there for some steps; the first to go measure the pace.
    const others = Array.from({ length: 12 }, (_, i) => run(requestFor([i], { maxTokens: 150 })));
    await others[2];
    const { predictedWaitMs } = engine.models()[0]!.load;
    const { events, error } = await run(within(predictedWaitMs / 2, requestFor('Hello')));
    expect(events).toEqual([]);
    expect(error).toMatchObject({ reason: 'DEADLINE_EXCEEDED', metadata: { phase: 'refused' } });
    expect(Number(error?.metadata['leastWaitMs'])).toBeGreaterThan(predictedWaitMs / 2);
    expect(error?.retryAfterMs).toBeGreaterThan(0);
    // One that can wait is taken.
    const patient = await run(within(60_000, requestFor('Hello', { maxTokens: 1 })));
    expect(patient.error).toBeUndefined();
    await Promise.all(others);
  });
});
