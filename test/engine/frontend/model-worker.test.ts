import { afterEach, describe, expect, it, vi } from 'vitest';
import { complete, createTestEngine, requestFor } from '../../support/engine-under-test.js';

const HOUR_MS = 3_600_000;

afterEach(() => vi.useRealTimers());

describe("A model's worker", () => {
  it.each([
    { when: 'after an answer', leaveAfter: 'finished' },
    { when: 'after a reader who left', leaveAfter: 'accepted' },
  ])('owes nothing while there is nothing to do: $when', async ({ leaveAfter }) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const engine = createTestEngine();
    try {
      const stream = engine.generate(requestFor('Once', { maxTokens: 100 }), new AbortController().signal);
      for await (const { type } of stream) if (type === leaveAfter) break;
      await vi.waitFor(() => expect(engine.models()[0]).toMatchObject({ load: { runningRequests: 0 } }));
      // The worker says so after its last step.
      await vi.waitFor(() => expect(vi.getTimerCount()).toBe(0));
      vi.advanceTimersByTime(HOUR_MS);
      expect(engine.models()[0]).toMatchObject({ isStuck: false });
      expect((await complete(engine, requestFor('Once'))).tokenIds).toHaveLength(16);
    } finally {
      await engine.close();
    }
  });
});
