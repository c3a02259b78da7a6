import { describe, expect, it } from 'vitest';
import type { SequenceOutput, StepOutput } from '../../../src/engine/core/step-output.js';
import { WorkerQueue } from '../../../src/engine/frontend/worker-queue.js';
import { groupRequest } from '../../support/group-request.js';

function openQueue(maxWaitMs = 60_000) {
  const changes: boolean[] = [];
  const limits = { maxRunning: 1, maxWaiting: 4, maxWaitingTokens: 100 };
  const queue = new WorkerQueue({ limits, maxWaitMs, onChange: () => changes.push(queue.isFull) });
  const enter = (id: number, tenant = 'a', length = 2) =>
    queue.enter(groupRequest({ id, tenant, prompts: [new Int32Array(length)] }));
  return { queue, changes, enter };
}

function step(started: readonly number[], ended: readonly number[] = []): StepOutput {
  return {
    started: started.map((groupId) => ({ groupId })),
    outputs: ended.map((groupId) => ({ groupId, finishReason: 'length' }) as unknown as SequenceOutput),
  } as unknown as StepOutput;
}

describe("a worker's queue", () => {
  it('refuses the one for whom there is no room, says when to come back, and tells that it is full', () => {
    const { queue, changes, enter } = openQueue();
    for (let id = 1; id <= 5; id++) expect(enter(id)).toEqual({ evicted: [] }); // one of them will run
    expect(enter(6)).toMatchObject({
      refusal: {
        reason: 'QUEUE_FULL',
        retryAfterMs: 1000,
        metadata: { limit: 'requests', waitingRequests: '5' },
      },
    });
    expect(() => queue.refuseIfFull('a')).toThrow(expect.objectContaining({ reason: 'QUEUE_FULL' }));
    expect(changes).toEqual([true]);
    expect(queue.numWaiting).toBe(5);
  });

  it('has room again when it is a quarter shorter', () => {
    const { queue, changes, enter } = openQueue();
    for (let id = 1; id <= 6; id++) enter(id);
    queue.update(step([1]), 4);
    expect(queue.isFull).toBe(true);
    queue.update(step([2], [1]), 3);
    expect(changes).toEqual([true, false]);
    expect(enter(7)).toEqual({ evicted: [] });
  });

  it('lets a tenant in that has less of it, in place of the newest of the one that has most', () => {
    const { queue, enter } = openQueue();
    for (let id = 1; id <= 5; id++) enter(id);
    // Told before the newcomer counts.
    const refusal = { metadata: { limit: 'share', waitingRequests: '4' } };
    expect(enter(6, 'b')).toMatchObject({ evicted: [{ id: 5, refusal }] });
    expect(queue.numWaiting).toBe(5);
  });

  it('counts the prompts of those that wait, not of those that run', () => {
    const { queue, enter } = openQueue();
    enter(1, 'a', 90);
    expect(enter(2, 'a', 20)).toHaveProperty('refusal.metadata.limit', 'tokens');
    queue.update(step([1]), 0);
    expect(enter(2, 'a', 20)).toEqual({ evicted: [] });
  });
});
