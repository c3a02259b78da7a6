import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../src/engine/index.js';
import type { CallScope } from '../../../src/grpc/calls/call-scope.js';
import { ResponseWriter } from '../../../src/grpc/calls/response-writer.js';

/** A stream with room for four, which takes a message only when the test says so. */
function slowCall() {
  const taken: number[] = [];
  let take: (() => void) | undefined;
  const call = new Writable({
    objectMode: true,
    highWaterMark: 4,
    write(message: number, _encoding, done) {
      take = () => {
        take = undefined;
        taken.push(message);
        done();
      };
    },
  });
  return { call, taken, take: () => take?.() };
}

function scopeOf(controller: AbortController) {
  return { signal: controller.signal, abort: (reason: EngineError) => controller.abort(reason) } as CallScope;
}

/** Counts how many were pulled, and whether its end was reached. */
function numbers(upTo: number) {
  const seen = { pulled: 0, freed: false };
  async function* source() {
    try {
      while (seen.pulled < upTo) yield seen.pulled++;
    } finally {
      seen.freed = true;
    }
  }
  return { seen, source: source() };
}

/** Writes what a source gives, as a servicer does. */
async function writeAll(
  call: Writable,
  source: AsyncIterable<number>,
  { controller = new AbortController(), stallLimitMs = 60_000 } = {},
) {
  const responses = new ResponseWriter<number>(call, { scope: scopeOf(controller), stallLimitMs });
  try {
    for await (const number of source) if (!responses.write(number)) await responses.drained();
  } finally {
    responses.close();
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('ResponseWriter', () => {
  it('lets its source make no more than the stream has room for, and goes on as it drains', async () => {
    const { call, taken, take } = slowCall();
    const { seen, source } = numbers(10);
    const written = writeAll(call, source);
    await turn();
    expect(seen.pulled).toBe(4);
    for (let i = 0; i < 3; i++) {
      take();
      await turn();
    }
    expect(seen.pulled).toBe(4);
    for (let i = 0; i < 7; i++) {
      take();
      await turn();
    }
    await written;
    expect(seen).toEqual({ pulled: 10, freed: true });
    take();
    expect(taken.slice(0, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('throws the reason of an abort while it waits, and frees the source', async () => {
    const { call } = slowCall();
    const { seen, source } = numbers(10);
    const controller = new AbortController();
    const written = writeAll(call, source, { controller });
    await turn();
    const reason = new EngineError('CANCELLED', 'Gone.');
    controller.abort(reason);
    await expect(written).rejects.toBe(reason);
    expect(seen).toEqual({ pulled: 4, freed: true });
  });

  it('aborts a call that nobody reads when the stall limit has passed', async () => {
    const { call } = slowCall();
    const { seen, source } = numbers(10);
    const controller = new AbortController();
    const written = writeAll(call, source, { controller, stallLimitMs: 20 });
    await expect(written).rejects.toMatchObject({ reason: 'CANCELLED', metadata: { stall_limit_ms: '20' } });
    expect(controller.signal.aborted).toBe(true);
    expect(seen.freed).toBe(true);
  });

  it('leaves no listeners on call or signal', async () => {
    const { call, take } = slowCall();
    const before = call.eventNames().length;
    const { source } = numbers(5);
    const written = writeAll(call, source);
    for (let i = 0; i < 5; i++) {
      await turn();
      take();
    }
    await written;
    expect(call.eventNames().length).toBe(before);
  });

  it('writes nothing that was made after the abort', async () => {
    const { call } = slowCall();
    const controller = new AbortController();
    async function* source() {
      controller.abort(new EngineError('CANCELLED', 'Gone.'));
      yield 1;
    }
    const written = writeAll(call, source(), { controller });
    await expect(written).rejects.toMatchObject({ reason: 'CANCELLED' });
    expect(call.writableLength).toBe(0);
  });
});
