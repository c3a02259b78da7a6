import { EventEmitter } from 'node:events';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { shutDownOnSignal, shutDownWithParent } from '../../../src/cli/processes/shutdown.js';

const log = pino({ level: 'silent' });

function setUp(install: typeof shutDownOnSignal) {
  const exit = vi.fn();
  const target = Object.assign(new EventEmitter(), { exit }) as unknown as NodeJS.Process;
  let finish = () => undefined as unknown;
  const drain = vi.fn(
    () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
  );
  const force = vi.fn();
  install({ drain, force }, log, target);
  return {
    target,
    exit,
    drain,
    force,
    finish: async () => {
      finish();
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] }));
afterEach(() => void vi.useRealTimers());

describe('shutdown on a signal', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('drains at %s, then exits with 0', async (signal) => {
    const { target, exit, drain, finish } = setUp(shutDownOnSignal);
    target.emit(signal, signal);
    expect(drain).toHaveBeenCalledOnce();
    expect(exit).not.toHaveBeenCalled();
    await finish();
    expect(exit.mock.calls).toEqual([[0]]);
  });

  it('ends at once at a second signal', () => {
    const { target, exit, force } = setUp(shutDownOnSignal);
    target.emit('SIGINT', 'SIGINT');
    vi.advanceTimersByTime(600);
    target.emit('SIGTERM', 'SIGTERM');
    expect(force).toHaveBeenCalledOnce();
    expect(exit.mock.calls).toEqual([[1]]);
  });

  it('takes a signal that comes twice within half a second for one', () => {
    const { target, exit, drain, force } = setUp(shutDownOnSignal);
    target.emit('SIGINT', 'SIGINT');
    vi.advanceTimersByTime(100);
    target.emit('SIGINT', 'SIGINT');
    expect(drain).toHaveBeenCalledOnce();
    expect(force).not.toHaveBeenCalled();
    expect(exit).not.toHaveBeenCalled();
  });
});

describe('shutdown with the parent', () => {
  it.each(['SIGTERM', 'disconnect'])('drains at %s, then exits with 0', async (event) => {
    const { target, exit, drain, finish } = setUp(shutDownWithParent);
    (target as EventEmitter).emit(event);
    target.emit('SIGTERM', 'SIGTERM');
    expect(drain).toHaveBeenCalledOnce();
    await finish();
    expect(exit.mock.calls).toEqual([[0]]);
  });

  it("leaves a terminal's Ctrl-C to the parent", () => {
    const { target, drain, exit } = setUp(shutDownWithParent);
    target.emit('SIGINT', 'SIGINT');
    vi.advanceTimersByTime(600);
    target.emit('SIGINT', 'SIGINT');
    expect(drain).not.toHaveBeenCalled();
    expect(exit).not.toHaveBeenCalled();
  });
});
