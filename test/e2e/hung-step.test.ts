import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type HealthCheckResponse, HealthClient } from '../../src/contract/gen/grpc/health/v1/health.js';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { serve } from '../support/linnet-process.js';
import { readEvents, readStream } from '../support/sse.js';
import { blockWorker } from '../support/worker-fault.js';

/** Until twice as long after that the worker is not given up. */
const LIMIT_MS = 2000;

let checkpoint: CheckpointCopy;
let linnet: Linnet;
beforeAll(async () => {
  checkpoint = new CheckpointCopy().lengthen(8);
  const models = [{ id: 'long', directory: checkpoint.directory }];
  linnet = await startLinnet({ engine: { models, stepLimitMs: LIMIT_MS } });
  await linnet.engine.load();
});
afterAll(async () => {
  await linnet.close();
  checkpoint.remove();
});

describe('An engine whose step hangs', () => {
  it('does not serve within seconds, refuses new requests, and goes on when the step does', async () => {
    const health = new HealthClient(linnet.target, credentials.createInsecure());
    const heard: number[] = [];
    const watch = health.watch({ service: '' });
    watch.on('data', ({ status }: HealthCheckResponse) => heard.push(status));
    watch.on('error', () => undefined);
    const request = {
      prompt: 'The future of AI is',
      max_tokens: 1500,
      temperature: 1.2,
      seed: 3,
      stream: true,
    };
    const expected = await readStream(await linnet.gateway.post(request));
    await vi.waitFor(() => expect(heard).toHaveLength(1));

    const response = await linnet.gateway.post(request);
    const release = blockWorker();
    onTestFinished(release);
    await vi.waitFor(() => expect(heard).toEqual([1, 2]), { timeout: 3 * LIMIT_MS });

    const ready = await fetch(`${linnet.gateway.url}/health`);
    expect(ready.status).toBe(503);
    expect(((await ready.json()) as { error: Error }).error.message).toContain('makes no progress');
    // While the step hangs: it goes on only after that.
    const refused = await linnet.gateway.post({ prompt: 'Hi', max_tokens: 1 });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);

    await release();
    // The stream that hung is whole.
    expect(await readStream(response)).toMatchObject({ text: expected.text, isDone: true });
    await vi.waitFor(() => expect(heard).toEqual([1, 2, 1]));
    await vi.waitFor(async () => expect((await fetch(`${linnet.gateway.url}/health`)).status).toBe(200));
    expect((await linnet.gateway.post({ prompt: 'Hi', max_tokens: 1 })).status).toBe(200);
    watch.cancel();
    health.close();
  });
});

describe('An engine whose step hangs for good', () => {
  it('ends its streams with a clear error and its process by SIGALRM; linnet serve starts it again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linnet-hang-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const hang = join(folder, 'hang');
    const environment = {
      NODE_OPTIONS: `--import ${new URL('../support/hang-worker.mjs', import.meta.url)}`,
      ...{ LINNET_TEST_HANG: hang, LINNET_THREADS: '1', LINNET_STEP_LIMIT: '1s', LINNET_PRELOAD: 'yes' },
    };
    const { linnet, addresses } = await serve(['--model', `long=${checkpoint.directory}`], { environment });
    onTestFinished(async () => {
      linnet.kill('SIGKILL');
      await linnet.end();
    });
    const post = (body: object) =>
      fetch(`${addresses.http}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: 'The future of AI is', ...body }),
      });
    const streams = await Promise.all(
      [1, 2, 3].map(async (seed) =>
        readEvents(await post({ seed, max_tokens: 1900, ignore_eos: true, stream: true })),
      ),
    );
    for (const events of streams) expect((await events.next()).value).toContain('"text_completion"');
    writeFileSync(hang, '');
    for (const events of streams) {
      const rest: string[] = [];
      for await (const event of events) rest.push(event);
      expect(rest.filter((event) => event.includes('"error"'))).toHaveLength(1);
      expect(JSON.parse(rest.at(-1)!).error).toMatchObject({
        code: 'engine_unavailable',
        message: expect.stringContaining('far longer than its limit of 1000 ms'),
      });
    }
    await linnet.until('stderr', /The worker of model .* hung\. It is started again\./);
    await vi.waitFor(async () => expect((await post({ max_tokens: 1 })).status).toBe(200), {
      timeout: 20_000,
    });
  });
});
