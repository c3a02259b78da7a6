import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StepWatchdog } from '../../../src/engine/frontend/step-watchdog.js';

let watchdog: StepWatchdog;
let changes: boolean[];
let numGivenUp: number;
beforeEach(() => {
  vi.useFakeTimers();
  changes = [];
  numGivenUp = 0;
  watchdog = new StepWatchdog(10_000, {
    onChange: () => changes.push(watchdog.isStuck),
    onGiveUp: () => {
      numGivenUp += 1;
    },
  });
});
afterEach(() => vi.useRealTimers());

describe('StepWatchdog', () => {
  it('is silent while steps come in time, however many, and while there is nothing to do', () => {
    watchdog.expect();
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(9999);
      watchdog.alive(true);
    }
    watchdog.alive(false);
    vi.advanceTimersByTime(3_600_000);
    expect(changes).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tells of a worker that owes a step for longer than the limit, and when it goes on', () => {
    watchdog.expect();
    vi.advanceTimersByTime(10_000);
    expect(changes).toEqual([]);
    vi.advanceTimersByTime(250);
    expect(changes).toEqual([true]);
    watchdog.alive(true);
    expect(changes).toEqual([true, false]);
    vi.advanceTimersByTime(10_250);
    expect(changes).toEqual([true, false, true]);
    watchdog.alive(false);
    expect(changes).toEqual([true, false, true, false]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives up, once, a worker that stays stuck for two limits more', () => {
    watchdog.expect();
    vi.advanceTimersByTime(30_249);
    expect(numGivenUp).toBe(0);
    vi.advanceTimersByTime(1);
    expect(numGivenUp).toBe(1);
    vi.advanceTimersByTime(3_600_000);
    expect(numGivenUp).toBe(1);
    expect(watchdog.isStuck).toBe(true);
  });

  it('gives up no worker that goes on, or of which nothing is owed any more', () => {
    for (const comeBack of [() => watchdog.alive(false), () => watchdog.alive(true), () => watchdog.stop()]) {
      watchdog.expect();
      vi.advanceTimersByTime(30_000);
      comeBack();
      vi.advanceTimersByTime(10_000);
      watchdog.stop();
    }
    expect(numGivenUp).toBe(0);
  });

  it('counts from the first work, whatever comes after it', () => {
    watchdog.expect();
    vi.advanceTimersByTime(6000);
    watchdog.expect();
    vi.advanceTimersByTime(4250);
    expect(watchdog.isStuck).toBe(true);
  });

  it('believes a step that was only late to be heard, and counts anew', () => {
    watchdog.expect();
    vi.advanceTimersByTime(10_100);
    watchdog.alive(true);
    vi.advanceTimersByTime(10_249);
    expect(changes).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(changes).toEqual([true]);
  });
});
