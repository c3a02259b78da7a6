import { describe, expect, it } from 'vitest';
import type { EngineError } from '../../../src/engine/index.js';
import { RunningRequests } from '../../../src/grpc/calls/running-requests.js';

function withThree() {
  const running = new RunningRequests();
  const aborted: [string, string][] = [];
  const add = (name: string, key?: string) =>
    running.add((reason: EngineError) => aborted.push([name, reason.reason]), key);
  return { running, aborted, remove: { a: add('a', 'one'), b: add('b', 'one'), c: add('c') } };
}

describe('RunningRequests', () => {
  it('cancels those that share a key, and counts them', () => {
    const { running, aborted } = withThree();
    expect(running.cancel('one')).toBe(2);
    expect(running.cancel('two')).toBe(0);
    expect(aborted).toEqual([
      ['a', 'CANCELLED'],
      ['b', 'CANCELLED'],
    ]);
  });

  it('forgets a request that is removed, and only that one, also where one function ends both', () => {
    const running = new RunningRequests();
    let aborts = 0;
    const abort = () => {
      aborts += 1;
    };
    const remove = running.add(abort, 'key');
    running.add(abort, 'key');
    remove();
    remove();
    expect(running.size).toBe(1);
    expect(running.cancel('key')).toBe(1);
    expect(aborts).toBe(1);
  });

  it('is idle when the last has been removed', async () => {
    const { running, remove } = withThree();
    let idle = false;
    const waited = running.idle().then(() => {
      idle = true;
    });
    remove.a();
    remove.b();
    await Promise.resolve();
    expect(idle).toBe(false);
    remove.c();
    await waited;
    await running.idle();
  });

  it('refuses more once told to, with a time to come back', () => {
    const { running } = withThree();
    running.refuse();
    expect(() => running.add(() => undefined, undefined)).toThrow(
      expect.objectContaining({ reason: 'ENGINE_UNAVAILABLE', retryAfterMs: 1000 }),
    );
    expect(running.size).toBe(3);
  });
});
