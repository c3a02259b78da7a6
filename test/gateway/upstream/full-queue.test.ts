import { describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE } from '../../../src/contract/error-catalogue.js';
import { GatewayError } from '../../../src/gateway/errors/gateway-error.js';
import { FullQueue } from '../../../src/gateway/upstream/full-queue.js';

const refusal = (retryAfterMs: number) =>
  new GatewayError(ERROR_CATALOGUE.QUEUE_FULL, 'The queue is full.', { retryAfterMs });

describe('FullQueue', () => {
  it('recalls a refusal of the same caller for a twentieth of the time to come back', () => {
    const queue = new FullQueue();
    const error = refusal(1000);
    queue.remember('alice', error, 0);
    expect(queue.recall('alice', 49)).toBe(error);
    expect(queue.recall('bob', 49)).toBeUndefined();
    expect(queue.recall('alice', 50)).toBeUndefined();
  });

  it('recalls none for longer than a tenth of a second, nor one that says nothing of the time', () => {
    const queue = new FullQueue();
    queue.remember('alice', refusal(60_000), 0);
    expect(queue.recall('alice', 99)).toBeDefined();
    expect(queue.recall('alice', 100)).toBeUndefined();
    queue.remember('bob', new GatewayError(ERROR_CATALOGUE.QUEUE_FULL, 'The queue is full.'), 0);
    expect(queue.recall('bob', 0)).toBeUndefined();
  });

  it('forgets all of them when there is room', () => {
    const queue = new FullQueue();
    queue.remember('alice', refusal(1000), 0);
    queue.clear();
    expect(queue.recall('alice', 1)).toBeUndefined();
  });

  it('remembers the newest thousand callers', () => {
    const queue = new FullQueue();
    for (let i = 0; i <= 1000; i++) queue.remember(`caller ${i}`, refusal(1000), 0);
    expect(queue.recall('caller 0', 0)).toBeUndefined();
    expect(queue.recall('caller 1', 0)).toBeDefined();
    queue.remember('caller 1', refusal(1000), 0);
    queue.remember('another', refusal(1000), 0);
    expect(queue.recall('caller 1', 0)).toBeDefined();
    expect(queue.recall('caller 2', 0)).toBeUndefined();
  });
});
