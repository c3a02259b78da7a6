import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { readStream } from '../support/sse.js';

const PER_SECOND = 300;
/** Node ends a connection after a thousand resets that come this fast, so four seconds would show it. */
const SECONDS = Number(process.env['LINNET_SOAK_SECONDS'] ?? 5);

let checkpoint: CheckpointCopy;
let linnet: Linnet;
beforeAll(async () => {
  checkpoint = new CheckpointCopy().lengthen(8);
  const engine = { models: [{ id: 'long', directory: checkpoint.directory }], maxRunning: 8 };
  // All on one connection to the engine, which is the worst there is.
  linnet = await startLinnet({ engine, gateway: { numChannels: 1 } });
  await linnet.engine.load();
});
afterAll(async () => {
  await linnet.close();
  checkpoint.remove();
});

const BODY = JSON.stringify({ prompt: 'Hi', max_tokens: 200, stream: true });
const REQUEST = `POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;

/** Asks for a stream and goes away without a word: half of them at once, half when it has begun. */
async function leave(number: number): Promise<void> {
  const socket = connect(linnet.gateway.port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  if (number % 2 === 0) socket.write(REQUEST, () => socket.resetAndDestroy());
  else socket.once('data', () => socket.resetAndDestroy()).write(REQUEST);
  await closed;
}

describe(`${PER_SECOND * SECONDS} disconnects, ${PER_SECOND} a second where the machine can`, () => {
  it(
    'leave an unrelated stream untouched',
    async () => {
      const steady = {
        prompt: 'The future of AI is',
        max_tokens: 1900,
        temperature: 1.2,
        seed: 3,
        stream: true,
      };
      const expected = await readStream(await linnet.gateway.post(steady));
      expect(expected.isDone).toBe(true);

      let isOver = false;
      const unrelated = async () => {
        const streams = [];
        do streams.push(await readStream(await linnet.gateway.post(steady)));
        while (!isOver);
        return streams;
      };
      const streams = unrelated();
      const startedAtMs = performance.now();
      const leavers: Promise<void>[] = [];
      while (leavers.length < PER_SECOND * SECONDS) {
        const due = Math.min(((performance.now() - startedAtMs) * PER_SECOND) / 1000, PER_SECOND * SECONDS);
        while (leavers.length < due) leavers.push(leave(leavers.length));
        await sleep(5);
      }
      isOver = true;
      await Promise.all(leavers);
      for (const { text, isDone } of await streams) {
        expect(isDone).toBe(true);
        expect(text).toBe(expected.text);
      }
      await vi.waitFor(() => expect(linnet.server.runningRequests).toBe(0), { timeout: 10_000 });
    },
    (SECONDS + 60) * 1000,
  );
});
