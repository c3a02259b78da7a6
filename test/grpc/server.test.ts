import { once } from 'node:events';
import { link, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HealthClient } from '../../src/contract/gen/grpc/health/v1/health.js';
import { CompletionClient } from '../../src/contract/gen/linnet/v1/completion.js';
import { decodeRichStatus } from '../../src/contract/rich-status.js';
import { createGrpcServer } from '../../src/grpc/server.js';
import { startTcpProxy } from '../../tools/tcp-proxy.mjs';
import { type GrpcHarness, readAll, startGrpcHarness, wireRequest } from '../support/grpc-harness.js';
import { accepted, delta, finished, ScriptedEngine } from '../support/scripted-engine.js';

const logger = pino({ level: 'silent' });

let harness: GrpcHarness;
beforeEach(async () => {
  harness = await startGrpcHarness();
});
afterEach(() => harness.close());

async function begin(client = harness.client) {
  const next = harness.engine.next();
  const call = client.generate(wireRequest());
  const result = readAll(call);
  const generation = await next;
  generation.emit(accepted());
  await once(call, 'data');
  return { call, result, generation };
}

describe('drain', () => {
  it('lets running requests finish and refuses new ones meanwhile', async () => {
    const { result, generation } = await begin();
    const drained = harness.server.drain(30_000);
    const refused = await readAll(harness.client.generate(wireRequest()));
    expect(refused.error?.code).toBe(status.UNAVAILABLE);
    const rich = decodeRichStatus(refused.error as ServiceError);
    expect(rich).toMatchObject({ reason: 'ENGINE_UNAVAILABLE', retryAfterMs: 1000 });
    generation.emit(delta('a'), finished());
    const { messages, error } = await result;
    expect(error).toBeUndefined();
    expect(messages).toHaveLength(3);
    await drained;
    expect(harness.engine.generations).toHaveLength(1);
  });

  it('ends what still runs after the grace with ENGINE_UNAVAILABLE', async () => {
    const { result, generation } = await begin();
    await harness.server.drain(50);
    await generation.ended;
    const { error } = await result;
    expect(error?.code).toBe(status.UNAVAILABLE);
    expect(decodeRichStatus(error as ServiceError)?.reason).toBe('ENGINE_UNAVAILABLE');
  });

  it('reports NOT_SERVING for the drain delay while it still takes requests, and then refuses them', async () => {
    await harness.close();
    harness = await startGrpcHarness({ drainDelayMs: 300 });
    const health = new HealthClient(harness.target, credentials.createInsecure());
    const watch = health.watch({ service: '' });
    const heard = readAll(watch);
    await once(watch, 'data');
    const drained = harness.server.drain(30_000);
    await once(watch, 'data');
    const { result, generation } = await begin();
    harness.engine.script = (other) => other.emit(finished());
    await vi.waitFor(async () =>
      expect((await readAll(harness.client.generate(wireRequest()))).error?.code).toBe(status.UNAVAILABLE),
    );
    generation.emit(finished());
    expect((await result).error).toBeUndefined();
    await drained;
    expect((await heard).messages).toEqual([{ status: 1 }, { status: 2 }]);
    health.close();
  });

  it('does not wait out the drain delay where it is cut short', async () => {
    await harness.close();
    harness = await startGrpcHarness({ drainDelayMs: 3_600_000 });
    const drained = harness.server.drain(30_000);
    await harness.server.close();
    await drained;
  });

  it('is not held up by a Watch, which hears NOT_SERVING and ends', async () => {
    const health = new HealthClient(harness.target, credentials.createInsecure());
    const watch = health.watch({ service: '' });
    const result = readAll(watch);
    await once(watch, 'data');
    await harness.server.drain(30_000);
    const { messages, error } = await result;
    expect(messages).toEqual([{ status: 1 }, { status: 2 }]);
    expect(error?.code).toBe(status.UNAVAILABLE);
    health.close();
  });

  it('ends in time also where a caller does not read', async () => {
    const { call, generation } = await begin();
    call.pause();
    generation.source = () => delta('x'.repeat(1000));
    generation.emit(delta('y'));
    await harness.server.drain(100);
    await generation.ended;
  });

  it('is idempotent, lets go of the engine, and stops listening', async () => {
    const first = harness.server.drain(0);
    expect(harness.server.drain(60_000)).toBe(first);
    await first;
    await harness.server.close();
    expect(harness.engine.numListeners).toBe(0);
    const client = new CompletionClient(harness.target, credentials.createInsecure());
    const { error } = await readAll(client.generate(wireRequest()));
    expect(error?.code).toBe(status.UNAVAILABLE);
    client.close();
  });

  it('is cut short by close', async () => {
    const { result } = await begin();
    const drained = harness.server.drain(60_000);
    await harness.server.close();
    await drained;
    expect((await result).error?.code).toBe(status.UNAVAILABLE);
  });
});

describe('connections', () => {
  it("frees the engine when a caller's connection breaks", async () => {
    const proxy = await startTcpProxy(harness.target);
    const client = new CompletionClient(proxy.target, credentials.createInsecure());
    const { result, generation } = await begin(client);
    proxy.cut();
    await generation.ended;
    expect(generation.signal.reason).toMatchObject({ reason: 'CANCELLED' });
    expect((await result).error).toBeDefined();
    client.close();
    await proxy.close();
  });

  it('frees the engine when a caller vanishes without a word', async () => {
    await harness.close();
    harness = await startGrpcHarness({ keepaliveTimeMs: 100, keepaliveTimeoutMs: 100 });
    const proxy = await startTcpProxy(harness.target);
    const client = new CompletionClient(proxy.target, credentials.createInsecure());
    const { call, generation } = await begin(client);
    proxy.silence();
    await generation.ended;
    call.cancel();
    client.close();
    await proxy.close();
  });

  it('keeps a quiet call that is alive through many keepalives', async () => {
    await harness.close();
    harness = await startGrpcHarness({ keepaliveTimeMs: 20, keepaliveTimeoutMs: 1000 });
    const { result, generation } = await begin();
    await new Promise((resolve) => setTimeout(resolve, 400)); // Time is what this is about.
    generation.emit(finished());
    expect((await result).error).toBeUndefined();
  });
});

describe('requests that do not parse', () => {
  const PATH = '/linnet.v1.Completion/Generate';

  function send(bytes: Buffer) {
    const client = new Client(harness.target, credentials.createInsecure());
    const call = client.makeServerStreamRequest(
      PATH,
      (sent: Buffer) => sent,
      (got) => got,
      bytes,
    );
    return readAll(call).finally(() => client.close());
  }

  it.each([
    ['a message that is cut short', Buffer.from([0x12, 0x05, 0x41])],
    ['a prompt that is not valid UTF-8', Buffer.from([0x12, 0x02, 0xc3, 0x28])],
  ])('refuses %s with INVALID_ARGUMENT', async (_what, bytes) => {
    const { error } = await send(bytes);
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(decodeRichStatus(error as ServiceError)?.reason).toBe('INVALID_FIELD');
    expect(harness.engine.generations).toEqual([]);
  });

  it('refuses a message beyond the limit with INVALID_ARGUMENT that names the limit', async () => {
    const { error } = await readAll(
      harness.client.generate(wireRequest({ input: { $case: 'prompt', value: 'x'.repeat(1024 * 1024) } })),
    );
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(decodeRichStatus(error as ServiceError)?.metadata).toEqual({ max_message_bytes: '1048576' });
  });

  it('keeps a byte order mark that begins a prompt', async () => {
    const next = harness.engine.next();
    const result = send(Buffer.from([0x12, 0x04, 0xef, 0xbb, 0xbf, 0x41]));
    const generation = await next;
    expect(generation.request.prompts).toEqual([{ field: 'prompt', input: '\uFEFFA' }]);
    generation.emit(finished());
    await result;
  });
});

describe('listen', () => {
  async function inFolder(use: (folder: string) => Promise<void>) {
    const folder = await mkdtemp(join(tmpdir(), 'linnet-'));
    await use(folder).finally(() => rm(folder, { recursive: true }));
  }

  it('says which address is taken', async () => {
    const port = Number(harness.target.split(':')[1]);
    const second = createGrpcServer(new ScriptedEngine(), { logger, port });
    await expect(second.listen()).rejects.toThrow(
      new RegExp(`^Cannot listen on 127.0.0.1:${port}: listen EADDRINUSE.*\\.$`),
    );
    await second.close();
  });

  it('serves on a Unix socket, and removes it when it closes', () =>
    inFolder(async (folder) => {
      const socketPath = join(folder, 'linnet.sock');
      const server = createGrpcServer(harness.engine, { logger, socketPath });
      const { target, port } = await server.listen();
      expect({ target, port }).toEqual({ target: `unix:${socketPath}`, port: undefined });
      const client = new CompletionClient(target, credentials.createInsecure());
      const { result, generation } = await begin(client);
      generation.emit(finished());
      expect((await result).error).toBeUndefined();
      client.close();
      const rival = createGrpcServer(harness.engine, { logger, socketPath });
      await expect(rival.listen()).rejects.toThrow('another process listens');
      await rival.close();
      await server.close();
    }));

  it('replaces a socket that a crash left behind, and nothing else', () =>
    inFolder(async (folder) => {
      const socketPath = join(folder, 'stale.sock');
      const stale = createServer().listen(socketPath);
      await once(stale, 'listening');
      await link(socketPath, `${socketPath}.kept`);
      await new Promise((resolve) => stale.close(resolve));
      const server = createGrpcServer(harness.engine, { logger, socketPath: `${socketPath}.kept` });
      await server.listen();
      await server.close();

      const file = join(folder, 'file');
      await writeFile(file, 'precious');
      const refused = createGrpcServer(harness.engine, { logger, socketPath: file });
      await expect(refused.listen()).rejects.toThrow('is no socket');
      await refused.close();
    }));
});
