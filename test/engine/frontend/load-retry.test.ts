import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LoadRetry } from '../../../src/engine/frontend/load-retry.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function failing() {
  const state = { failed: true, tries: [] as number[] };
  const startedAt = Date.now();
  const retry = new LoadRetry(
    {
      needLoading: () => state.failed,
      load: async () => {
        state.tries.push(Date.now() - startedAt);
        // As a model does: it tells of its failure before the attempt is over.
        retry.update();
      },
    },
    { delayMs: 1000, maxDelayMs: 5000 },
  );
  return { state, retry };
}

describe('the retry of models that failed', () => {
  it('waits longer each time, up to a limit', async () => {
    const { state, retry } = failing();
    retry.update();
    await vi.advanceTimersByTimeAsync(18_000);
    expect(state.tries).toEqual([1000, 3000, 7000, 12_000, 17_000]);
  });

  it('ends once a model can serve, and begins anew with the next failure', async () => {
    const { state, retry } = failing();
    retry.update();
    await vi.advanceTimersByTimeAsync(3500);
    state.failed = false;
    retry.update();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(state.tries).toHaveLength(2);
    state.failed = true;
    retry.update();
    await vi.advanceTimersByTimeAsync(1000);
    expect(state.tries).toHaveLength(3);
  });

  it('does nothing while a model can serve, nor after the end', async () => {
    const { state, retry } = failing();
    state.failed = false;
    retry.update();
    state.failed = true;
    retry.close();
    retry.update();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(state.tries).toEqual([]);
  });
});
