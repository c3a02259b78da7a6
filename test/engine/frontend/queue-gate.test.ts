import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type QueuedRequest, QueueGate } from '../../../src/engine/frontend/queue-gate.js';

const LIMITS = { maxRunning: 2, maxWaiting: 4, maxWaitingTokens: 100 };

const request = (tenant = '', numPromptTokens = 1): QueuedRequest => ({ tenant, numPromptTokens });

/** A gate behind which as many requests run as may, and these wait. */
function gateWith(...waiting: readonly QueuedRequest[]): QueueGate {
  const gate = new QueueGate(LIMITS);
  for (const id of [101, 102]) {
    gate.enter(id, request());
    gate.start(id);
  }
  for (const [id, entry] of waiting.entries()) gate.enter(id, entry);
  return gate;
}

describe('QueueGate', () => {
  it('takes as many requests as may wait, beside those for which there are places', () => {
    const gate = new QueueGate(LIMITS);
    for (let id = 0; id < 6; id += 1) {
      expect(gate.findRoom(request())).toEqual({ evicted: [] });
      gate.enter(id, request());
    }
    expect(gate.findRoom(request())).toEqual({ fullOf: 'requests' });
    expect(gate.start(0)).toBe(true);
    expect(gate.numWaiting).toBe(5);
    // One waits less, and one place is free no longer.
    expect(gate.findRoom(request())).toEqual({ fullOf: 'requests' });
    gate.finish(0);
    expect(gate.findRoom(request())).toEqual({ evicted: [] });
  });

  it('takes as many prompt tokens as may wait, and any one request', () => {
    expect(gateWith().findRoom(request('', 5000))).toEqual({ evicted: [] });
    const gate = gateWith(request('', 60));
    expect(gate.findRoom(request('', 40))).toEqual({ evicted: [] });
    expect(gate.findRoom(request('', 41))).toEqual({ fullOf: 'tokens' });
  });

  it('counts the places of all sequences of a request, until each has ended or the request has', () => {
    const gate = gateWith();
    gate.leave(102);
    expect(gate.start(101)).toBe(false);
    for (let id = 0; id < 4; id += 1) gate.enter(id, request());
    expect(gate.findRoom(request())).toEqual({ fullOf: 'requests' });
    gate.finish(101);
    expect(gate.findRoom(request())).toEqual({ evicted: [] });
    gate.enter(4, request());
    expect(gate.findRoom(request())).toEqual({ fullOf: 'requests' });
    gate.leave(101);
    expect(gate.findRoom(request())).toEqual({ evicted: [] });
    expect(gate.start(77)).toBe(false);
    gate.finish(77);
    gate.leave(77);
  });

  it('lets a newcomer drive out the newest of whoever has most of the queue', () => {
    const gate = gateWith(request('flood'), request('flood'), request('guest'), request('flood'));
    expect(gate.findRoom(request('guest'))).toEqual({ evicted: [3] });
    expect(gate.findRoom(request('third'))).toEqual({ evicted: [3] });
    expect(gate.findRoom(request('flood'))).toEqual({ fullOf: 'requests' });
  });

  it('drives out nobody who has no more than the newcomer would have', () => {
    const gate = gateWith(request('a'), request('a'), request('b'), request('b'));
    expect(gate.findRoom(request('a'))).toEqual({ fullOf: 'requests' });
    expect(gate.findRoom(request('c'))).toEqual({ evicted: [1] });
  });

  it('weighs prompts where it is full of tokens', () => {
    const gate = gateWith(request('long', 50), request('long', 40), request('short'));
    expect(gate.findRoom(request('short', 30))).toEqual({ evicted: [1] });
    // It would have more than the others before there is room.
    expect(gate.findRoom(request('short', 60))).toEqual({ fullOf: 'tokens' });
    expect(gate.findRoom(request('short', 99))).toEqual({ fullOf: 'tokens' });
    expect(gate.findRoom(request('long', 30))).toEqual({ fullOf: 'tokens' });
  });

  it('knows how many have their turns before a tenant, when tenants take turns', () => {
    const gate = gateWith(request('a'), request('a'), request('a'), request('b'));
    expect(gate.numBefore('a')).toBe(4);
    expect(gate.numBefore('b')).toBe(3);
    expect(gate.numBefore('c')).toBe(2);
  });

  it('is never over its bounds, and never keeps out a tenant that has less than its share', () => {
    const arrival = fc.record({
      tenant: fc.constantFrom('a', 'b', 'c'),
      numPromptTokens: fc.integer({ min: 1, max: 20 }),
      starts: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 60 }), (arrivals) => {
        const limits = { maxRunning: 2, maxWaiting: 12, maxWaitingTokens: 1000 };
        const gate = new QueueGate(limits);
        const waiting = new Map<number, string>();
        for (const [id, { starts, ...entry }] of arrivals.entries()) {
          const numOwn = [...waiting.values()].filter((tenant) => tenant === entry.tenant).length;
          const room = gate.findRoom(entry);
          if ('evicted' in room) {
            for (const other of room.evicted) {
              gate.leave(other);
              waiting.delete(other);
            }
            gate.enter(id, entry);
            waiting.set(id, entry.tenant);
          } else {
            // A third of the queue is everybody's.
            expect(numOwn).toBeGreaterThanOrEqual(4);
          }
          expect(gate.numWaiting).toBe(waiting.size);
          expect(waiting.size).toBeLessThanOrEqual(limits.maxWaiting + limits.maxRunning);
          const [first] = waiting.keys();
          if (starts > 1 && first !== undefined) {
            gate.start(first);
            waiting.delete(first);
          }
        }
      }),
    );
  });
});
