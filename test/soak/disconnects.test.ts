import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { measureHeld, SharedSignals } from '../support/leak-check.js';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { repeatDuring } from '../support/repeat-during.js';
import { readStream } from '../support/sse.js';
import { Watchdog } from '../support/watchdog.js';

const NUM_LEAVERS = 500;
const AT_ONCE = 20;

let checkpoint: CheckpointCopy;
let linnet: Linnet;
let watchdog: Watchdog;
const warnings: Error[] = [];
const onWarning = (warning: Error) => warnings.push(warning);

beforeAll(async () => {
  process.on('warning', onWarning);
  checkpoint = new CheckpointCopy().lengthen(4);
  // Most leavers have to wait for a place.
  const engine = { models: [{ id: 'long', directory: checkpoint.directory }], maxRunning: 6 };
  linnet = await startLinnet({ engine });
  await linnet.engine.load();
  watchdog = new Watchdog(linnet);
});
afterAll(async () => {
  process.off('warning', onWarning);
  await linnet.close();
  checkpoint.remove();
});

const STEADY = { prompt: 'The future of AI is', max_tokens: 600, temperature: 1.2, seed: 3, stream: true };

async function steady(): Promise<string> {
  const { text, isDone } = await watchdog.follow('the other stream', async (waitsFor) => {
    waitsFor('its head');
    const response = await linnet.gateway.post(STEADY);
    waitsFor('its end');
    return readStream(response);
  });
  expect(isDone).toBe(true);
  return text;
}

/** A connection that is closed instead fails the test, where `once` alone would wait for ever. */
async function firstAnswer(socket: Socket): Promise<void> {
  const closed = once(socket, 'close').then(() =>
    Promise.reject(new Error('It was closed without an answer.')),
  );
  await Promise.race([once(socket, 'data'), closed]);
}

/** How a client leaves. */
const WAYS: ((socket: Socket, message: string) => Promise<unknown>)[] = [
  // In the middle of its request.
  async (socket, message) => {
    socket.write(message.slice(0, -10));
    await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
  },
  // At once.
  async (socket, message) => {
    await new Promise((resolve) => socket.write(message, resolve));
    socket.destroy();
  },
  // With the first answer, politely and not.
  async (socket, message) => {
    socket.write(message);
    await firstAnswer(socket);
    socket.end();
  },
  async (socket, message) => {
    socket.write(message);
    await firstAnswer(socket);
    socket.resetAndDestroy();
  },
  // Reads no more, and then leaves.
  async (socket, message) => {
    socket.write(message);
    await firstAnswer(socket);
    socket.pause();
    await linnet.model();
    socket.destroy();
  },
  // Says that it sends no more: nobody reads an answer that nobody is there for.
  async (socket, message) => {
    await new Promise((resolve) => socket.write(message, resolve));
    await linnet.model();
    socket.end();
  },
];

async function leave(number: number, waitsFor: (what: string) => void): Promise<void> {
  const socket = connect(linnet.gateway.port, '127.0.0.1');
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  waitsFor('its connection');
  await once(socket, 'connect');
  const way = number % WAYS.length;
  // Short prompts and long ones, each computed anew; a stream where the first answer is waited for.
  const length = number % 4 === 0 ? 800 : 2;
  const prompt = Array.from({ length }, (_, position) => (number * 7919 + position * 104_729) % 50_000);
  const isStream = way >= 2 || number % 2 === 0;
  const body = JSON.stringify({ prompt, max_tokens: 200, stream: isStream });
  const head = `POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
  waitsFor(`its way to leave, ${way}`);
  await WAYS[way]!(socket, `${head}\r\n\r\n${body}`);
  socket.resume();
  waitsFor(`its socket to close, after way ${way}`);
  await closed;
}

async function leaveAll(numbers: readonly number[]): Promise<void> {
  const left = [...numbers];
  const one = async () => {
    for (let number = left.shift(); number !== undefined; number = left.shift()) {
      const current = number;
      await watchdog.follow(`client ${current}`, (waitsFor) => leave(current, waitsFor));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

async function untilIdle(): Promise<void> {
  await vi.waitFor(
    async () => {
      expect((await linnet.model()).load).toMatchObject({
        runningRequests: 0,
        waitingRequests: 0,
        kvCacheUsedBytes: 0n,
      });
      expect(linnet.server.runningRequests).toBe(0);
    },
    { timeout: 10_000, interval: 20 },
  );
}

describe(`${NUM_LEAVERS} clients that go away`, () => {
  it('leave no request, socket or listener, and another client with the text as it would have been', () =>
    watchdog.watch(async () => {
      const expected = await steady();
      await leaveAll(Array.from({ length: 60 }, (_, i) => i));
      await untilIdle();
      const signals = await SharedSignals.find(() =>
        linnet.gateway.post({ prompt: 'Hi', max_tokens: 1 }).then((r) => r.text()),
      );
      expect(signals.numSignals).toBeGreaterThanOrEqual(2);
      const listenersBefore = signals.numListeners;
      linnet.gateway.log.length = 0;
      const before = await measureHeld();

      const texts = await repeatDuring(steady, () =>
        leaveAll(Array.from({ length: NUM_LEAVERS }, (_, i) => 1000 + i)),
      );
      expect(new Set(texts)).toEqual(new Set([expected]));
      await untilIdle();

      const statuses = linnet.gateway.log.map(({ status }) => status);
      expect(statuses.filter((status) => status === 499).length).toBeGreaterThan(NUM_LEAVERS / 2);
      linnet.gateway.log.length = 0;
      await vi.waitFor(async () => expect((await measureHeld()).sockets).toBe(before.sockets), {
        timeout: 5000,
      });
      const after = await measureHeld();
      expect(signals.numListeners).toBe(listenersBefore);
      // A request that is held on to is 10 KiB; what V8 compiles meanwhile is 1 MiB in all.
      expect(after.heapBytes - before.heapBytes).toBeLessThan(NUM_LEAVERS * 6144);
      expect(warnings.map(({ name }) => name)).toEqual([]);
    }));
});
