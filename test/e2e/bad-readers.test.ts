import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { GenerateRequest } from '../../src/contract/gen/linnet/v1/completion.js';
import { startTcpProxy, type TcpProxy } from '../../tools/tcp-proxy.mjs';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { wireRequest } from '../support/grpc-harness.js';
import { measureHeld } from '../support/leak-check.js';
import { type Linnet, startLinnet } from '../support/linnet.js';

const COUNT = 20;
const STALL_LIMIT_MS = 1000;
const KEEPALIVE_MS = 500;
/** What one caller may take while it holds its stream open: the completion, and what streams and sockets buffer. */
const BYTES_PER_CALLER = 256 * 1024;

let checkpoint: CheckpointCopy;
let linnet: Linnet;
beforeAll(async () => {
  checkpoint = new CheckpointCopy().lengthen(8);
  linnet = await startLinnet({
    engine: { models: [{ id: 'long', directory: checkpoint.directory }], maxRunning: COUNT },
    server: { stallLimitMs: STALL_LIMIT_MS, keepaliveTimeMs: KEEPALIVE_MS, keepaliveTimeoutMs: KEEPALIVE_MS },
  });
  await linnet.engine.load();
});
afterAll(async () => {
  await linnet.close();
  checkpoint.remove();
});

const sessions: ClientHttp2Session[] = [];
let proxy: TcpProxy;
beforeEach(async () => {
  proxy = await startTcpProxy(linnet.target);
});
afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  await proxy.close();
});

const MESSAGE = GenerateRequest.encode(wireRequest({ maxTokens: 300, ignoreEos: true })).finish();
const FRAME = Buffer.alloc(5 + MESSAGE.length);
FRAME.writeUInt32BE(MESSAGE.length, 1);
FRAME.set(MESSAGE, 5);

/** Asks for a completion over a connection of its own that takes a kilobyte before it wants to be read. */
function ask(target: string): ClientHttp2Stream {
  const session = connectHttp2(`http://${target}`, { settings: { initialWindowSize: 1024 } });
  session.on('error', () => undefined);
  sessions.push(session);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/linnet.v1.Completion/Generate',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  stream.end(FRAME);
  return stream;
}

const rows = () => linnet.engine.models()[0]!.load.runningRequests;
const numHandles = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

/** Measures the memory that begins to be held, at its most, until no request runs any more. */
async function untilFree(begin: () => Promise<unknown>) {
  const before = await measureHeld();
  const startedAtMs = performance.now();
  await begin();
  let mostBytes = 0;
  await vi.waitFor(
    async () => {
      mostBytes = Math.max(mostBytes, (await measureHeld()).heapBytes - before.heapBytes);
      expect(rows()).toBe(0);
      expect(linnet.server.runningRequests).toBe(0);
    },
    { timeout: 30_000, interval: 20 },
  );
  return { mostBytes, tookMs: performance.now() - startedAtMs };
}

const started = (streams: ClientHttp2Stream[]) =>
  Promise.all(streams.map((stream) => new Promise((resolve) => stream.once('response', resolve))));

describe(`${COUNT} callers over gRPC`, () => {
  /** How long all of them take when they are read as fast as they come. */
  let readMs: number;
  beforeAll(async () => {
    const { tookMs } = await untilFree(async () => {
      const streams = Array.from({ length: COUNT }, () => ask(linnet.target));
      await Promise.all(
        streams.map((stream) => new Promise((resolve) => stream.resume().once('close', resolve))),
      );
    });
    readMs = tookMs;
    for (const session of sessions.splice(0)) session.destroy();
  });

  it('that read slowly hold no place longer than the completions take, and little memory', async () => {
    const slow = await startTcpProxy(linnet.target, { bytesPerSecond: 2000 });
    const { mostBytes, tookMs } = await untilFree(() =>
      started(Array.from({ length: COUNT }, () => ask(slow.target).resume())),
    );
    expect(tookMs).toBeLessThan(3 * readMs + STALL_LIMIT_MS + 3000);
    await slow.close();
    expect(mostBytes).toBeLessThan(COUNT * BYTES_PER_CALLER);
  });

  it('that never read are cancelled after the stall limit, and hold little memory until then', async () => {
    const { mostBytes, tookMs } = await untilFree(() =>
      started(Array.from({ length: COUNT }, () => ask(linnet.target))),
    );
    expect(tookMs).toBeLessThan(3 * readMs + STALL_LIMIT_MS + 3000);
    expect(mostBytes).toBeLessThan(COUNT * BYTES_PER_CALLER);
  });

  it('that vanish without a word lose their places once they answer no ping', async () => {
    const { mostBytes, tookMs } = await untilFree(async () => {
      const streams = Array.from({ length: COUNT }, () => ask(proxy.target).resume());
      await started(streams);
      expect(rows()).toBeGreaterThan(0);
      proxy.silence();
    });
    expect(tookMs).toBeLessThan(3 * readMs + 2 * KEEPALIVE_MS + 3000);
    expect(mostBytes).toBeLessThan(COUNT * BYTES_PER_CALLER);
  });

  it('that connect and say nothing hold a socket no longer than they answer pings, and no place', async () => {
    const before = numHandles();
    const port = Number(linnet.target.split(':')[1]);
    const sockets: Socket[] = Array.from({ length: COUNT }, () => connect(port, '127.0.0.1').resume());
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    await vi.waitFor(() => expect(numHandles()).toBeLessThanOrEqual(before));
    expect(rows()).toBe(0);
  });
});
