import { EventEmitter, getEventListeners } from 'node:events';
import { Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../src/engine/index.js';
import { openCallScope } from '../../../src/grpc/calls/call-scope.js';

class FakeCall extends EventEmitter {
  cancelled = false;
  readonly metadata = new Metadata();
  readonly #deadline: Date | number;

  constructor(deadline: Date | number = Number.POSITIVE_INFINITY) {
    super();
    this.#deadline = deadline;
  }

  getDeadline() {
    return this.#deadline;
  }
}

const NEVER = new AbortController().signal;

describe('openCallScope', () => {
  it.each(['cancelled', 'close', 'error'])('aborts with CANCELLED on %s', (event) => {
    const call = new FakeCall();
    const { signal } = openCallScope(call, NEVER);
    call.emit(event, new Error('reset'));
    expect(signal.reason).toMatchObject({ reason: 'CANCELLED' });
  });

  it.each([
    [-1, 'DEADLINE_EXCEEDED'],
    [50, 'DEADLINE_EXCEEDED'],
    [10_000, 'CANCELLED'],
  ])('takes a cancellation %i ms before the deadline for %s', (ms, reason) => {
    const call = new FakeCall(new Date(Date.now() + ms));
    const scope = openCallScope(call, NEVER);
    call.emit('cancelled');
    expect(scope.signal.reason).toMatchObject({ reason });
    scope.close();
  });

  it('aborts at the deadline by itself', async () => {
    const { signal } = openCallScope(new FakeCall(Date.now() + 20), NEVER);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    expect(signal.reason).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  });

  it('is aborted from the start for a call that is gone, or a server that closes', () => {
    const gone = new FakeCall();
    gone.cancelled = true;
    expect(openCallScope(gone, NEVER).signal.reason).toMatchObject({ reason: 'CANCELLED' });
    const closing = AbortSignal.abort(new EngineError('ENGINE_UNAVAILABLE', 'Closing.'));
    expect(openCallScope(new FakeCall(), closing).signal.reason).toMatchObject({
      reason: 'ENGINE_UNAVAILABLE',
    });
  });

  it('keeps the first reason', () => {
    const closing = new AbortController();
    const scope = openCallScope(new FakeCall(), closing.signal);
    closing.abort(new EngineError('ENGINE_UNAVAILABLE', 'Closing.'));
    scope.abort(new EngineError('CANCELLED', 'Too late.'));
    expect(scope.signal.reason).toMatchObject({ reason: 'ENGINE_UNAVAILABLE' });
  });

  it('removes every listener and timer when closed', () => {
    const call = new FakeCall(Date.now() + 60_000);
    const closing = new AbortController();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const scope = openCallScope(call, closing.signal);
    scope.close();
    expect(timers()).toBe(before);
    expect(call.eventNames()).toEqual([]);
    expect(getEventListeners(closing.signal, 'abort')).toEqual([]);
  });
});
