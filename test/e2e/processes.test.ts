import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { fixtureCheckpoint } from '../support/fixtures.js';
import { LinnetProcess } from '../support/linnet-process.js';
import { readEvents } from '../support/sse.js';
import { startTestGateway, type TestGateway } from '../support/test-gateway.js';

const TINY = `tiny=${fixtureCheckpoint('real-vocab')}`;

function start(...args: string[]): LinnetProcess {
  const linnet = new LinnetProcess(args, { environment: { LINNET_THREADS: '1' } });
  onTestFinished(async () => {
    linnet.kill('SIGKILL');
    await linnet.end();
  });
  return linnet;
}

/** Starts `linnet engine`, by default on a free port, and returns its port. */
async function startEngine(model: string, ...args: string[]) {
  const engine = start('engine', '--grpc-port', '0', '--model', model, ...args);
  const [, port = ''] = await engine.until('stdout', /^ +gRPC +\S+:(\d+)$[\s\S]*Ctrl-C/m);
  return { engine, port: Number(port) };
}

async function startGateway(port: number): Promise<TestGateway> {
  const gateway = await startTestGateway({ engineAddress: `127.0.0.1:${port}` });
  onTestFinished(() => gateway.close());
  return gateway;
}

async function health(url: string) {
  const response = await fetch(`${url}/health`);
  return { status: response.status, body: await response.json() };
}

describe('An engine process that is killed', () => {
  it('ends its streams with one error; the gateway says so and goes on when it is back', async () => {
    const checkpoint = new CheckpointCopy().lengthen(8);
    onTestFinished(() => checkpoint.remove());
    const model = `long=${checkpoint.directory}`;
    const { engine, port } = await startEngine(model);
    const gateway = await startGateway(port);
    const request = { prompt: 'The future of AI is', max_tokens: 2000, stream: true };

    const streams = await Promise.all([1, 2, 3].map(() => gateway.post(request)));
    const collected = gateway.post({ ...request, stream: false });
    const readers = streams.map((response) => readEvents(response));
    for (const reader of readers) expect((await reader.next()).value).toContain('"text_completion"');
    engine.kill('SIGKILL');
    await engine.end();

    for (const reader of readers) {
      const events: string[] = [];
      for await (const event of reader) events.push(event);
      expect(events.filter((event) => event.includes('"error"'))).toHaveLength(1);
      expect(events).not.toContain('[DONE]');
      const { error } = JSON.parse(events.at(-1)!);
      expect(error).toMatchObject({ type: 'server_error', code: 'engine_unavailable' });
      expect(error.message).toMatch(/^[^\n]+$/);
    }
    expect((await collected).status).toBe(503);
    const refused = await gateway.post(request);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await health(gateway.url)).toMatchObject({
      status: 503,
      body: { status: 'unavailable', error: { code: 'engine_unavailable' } },
    });

    await startEngine(model, '--grpc-port', String(port));
    await vi.waitFor(async () => expect((await health(gateway.url)).status).toBe(200), { timeout: 15_000 });
    // On every one of the gateway's connections, some of which may be slower to come back.
    for (let i = 0; i < 8; i++) {
      const response = await gateway.post({ prompt: 'Hi', max_tokens: 1 });
      expect(response.status).toBe(200);
      await response.text();
    }
  });
});

describe('An engine process that gets a second signal', () => {
  it('ends at once, in the middle of a step, and ONNX Runtime has no say in it', async () => {
    const checkpoint = new CheckpointCopy().lengthen(8);
    onTestFinished(() => checkpoint.remove());
    const { engine, port } = await startEngine(`long=${checkpoint.directory}`);
    const gateway = await startGateway(port);
    const stream = await gateway.post({
      prompt: 'Once',
      max_tokens: 2000,
      n: 8,
      ignore_eos: true,
      stream: true,
    });
    const reader = readEvents(stream);
    await reader.next();
    // One that comes soon after another counts as the same.
    const timer = setInterval(() => engine.kill('SIGINT'), 50);
    expect(await engine.end()).toBeNull();
    clearInterval(timer);
    expect(engine.stderr).toContain('again: ending at once');
    expect(engine.stderr).not.toContain('terminate called');
    for await (const _ of reader);
  });
});

describe('linnet serve', () => {
  it.each([
    ['yes', 'ready'],
    ['no', 'unloaded'],
  ])(
    'with --preload %s begins with a model that is %s, and answers the first request',
    async (preload, state) => {
      const linnet = start(
        'serve',
        '--http-port',
        '0',
        '--grpc-port',
        '0',
        '--model',
        TINY,
        '--preload',
        preload,
      );
      await linnet.until('stdout', /Ctrl-C/);
      const url = /^ +HTTP +(\S+)$/m.exec(linnet.stdout)?.[1] ?? '';
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
      expect(await health(url)).toMatchObject({ status: 200, body: { model: { id: 'tiny', state } } });
      const response = await fetch(`${url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: 'Hi', max_tokens: 2 }),
      });
      expect(response.status).toBe(200);
      expect(await health(url)).toMatchObject({ status: 200, body: { model: { state: 'ready' } } });
    },
  );
});

describe('A second service on a port', () => {
  it('says in one line that the port is in use, and the first goes on', async () => {
    const { port } = await startEngine(TINY, '--preload', 'no');
    const second = start('engine', '--grpc-port', String(port), '--model', TINY);
    expect(await second.end()).toBe(1);
    expect(second.stderr).toBe(
      `linnet: Port ${port} on 127.0.0.1 is in use. Choose another with --grpc-port or LINNET_GRPC_PORT; 0 picks a free one.\n`,
    );
    const gateway = await startGateway(port);
    expect((await gateway.post({ prompt: 'Hi', max_tokens: 1 })).status).toBe(200);
  });
});
