import { randomUUID } from 'node:crypto';
import { Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CancelResponse, GenerateResponse } from '../../src/contract/gen/linnet/v1/completion.js';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { type CallResult, readAll, unary, wireRequest } from '../support/grpc-harness.js';
import { measureHeld } from '../support/leak-check.js';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { Watchdog } from '../support/watchdog.js';

// Node closes a connection after a thousand resets that come faster than 33 a second.
const NUM_CANCELS = 1200;
const AT_ONCE = 24;

let checkpoint: CheckpointCopy;
let linnet: Linnet;
let watchdog: Watchdog;
beforeAll(async () => {
  checkpoint = new CheckpointCopy().lengthen(4);
  const engine = { models: [{ id: 'long', directory: checkpoint.directory }], maxRunning: 8 };
  linnet = await startLinnet({ engine });
  await linnet.engine.load();
  watchdog = new Watchdog(linnet);
});
afterAll(async () => {
  await linnet.close();
  checkpoint.remove();
});

function textOf({ messages, error }: CallResult<GenerateResponse>): string {
  expect(error).toBeUndefined();
  expect(messages.at(-1)?.event?.$case).toBe('finished');
  return messages.map(({ event }) => (event?.$case === 'delta' ? event.value.text : '')).join('');
}

async function steady(): Promise<string> {
  const request = wireRequest({ maxTokens: 700, temperature: 1.2, seed: 5n });
  return watchdog.follow('the other stream', async (waitsFor) => {
    waitsFor('its end');
    return textOf(await readAll<GenerateResponse>(linnet.completion.generate(request)));
  });
}

/** Starts a request and cancels it by its key: as soon as it is sent, or when its first message is there. */
async function cancelOne(number: number, waitsFor: (what: string) => void): Promise<void> {
  const cancelKey = randomUUID();
  // Of thousands of completions that may end by themselves, sooner or later one does before its Cancel has come.
  const request = wireRequest({ maxTokens: 1000, ignoreEos: true, cancelKey });
  const call = linnet.completion.generate(request);
  const result = readAll<GenerateResponse>(call);
  let hasEnded = false;
  const ended = result.finally(() => {
    hasEnded = true;
  });
  waitsFor('its first message');
  if (number % 2 === 0) await Promise.race([ended, new Promise((resolve) => call.once('data', resolve))]);
  let cancelled = 0;
  // On its way to the service a Cancel may overtake the call that it is meant for.
  for (let numTries = 1; cancelled === 0 && !hasEnded; numTries++) {
    waitsFor(`the answer to Cancel number ${numTries}`);
    const response = await unary<CancelResponse>((done) =>
      linnet.completion.cancel({ cancelKey }, new Metadata(), done),
    );
    cancelled = response.cancelledRequests;
  }
  waitsFor('its end');
  expect((await result).error).toMatchObject({ code: status.CANCELLED });
}

async function cancelMany(count: number): Promise<void> {
  let number = 0;
  const worker = async () => {
    while (number < count) {
      const current = number++;
      await watchdog.follow(`call ${current}`, (waitsFor) => cancelOne(current, waitsFor));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

describe(`${NUM_CANCELS} cancels on one connection`, () => {
  it('leave no request and no socket, and another call as it would have been', () =>
    watchdog.watch(async () => {
      const expected = await steady();
      await cancelMany(100);
      const before = await measureHeld();
      let isOver = false;
      const unrelated = async () => {
        const texts = [];
        do texts.push(await steady());
        while (!isOver);
        return texts;
      };
      const texts = unrelated();
      await cancelMany(NUM_CANCELS);
      isOver = true;
      expect(new Set(await texts)).toEqual(new Set([expected]));
      expect((await linnet.model()).load).toMatchObject({
        runningRequests: 0,
        waitingRequests: 0,
        kvCacheUsedBytes: 0n,
      });
      expect(linnet.server.runningRequests).toBe(0);
      const after = await measureHeld();
      expect(after.sockets).toBe(before.sockets);
      expect(after.heapBytes - before.heapBytes).toBeLessThan(NUM_CANCELS * 4096);
    }));
});
