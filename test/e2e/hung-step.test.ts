import { credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type HealthCheckResponse, HealthClient } from '../../src/contract/gen/grpc/health/v1/health.js';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { readStream } from '../support/sse.js';
import { blockWorker } from '../support/worker-fault.js';

const LIMIT_MS = 1000;
/** Less than what ends the worker. */
const HANG_MS = 2500;

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
    const heard: { status: number; atMs: number }[] = [];
    const watch = health.watch({ service: '' });
    watch.on('data', ({ status }: HealthCheckResponse) => heard.push({ status, atMs: performance.now() }));
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
    const hungAtMs = performance.now();
    const released = blockWorker(HANG_MS);
    await vi.waitFor(() => expect(heard).toHaveLength(2), { timeout: HANG_MS });
    expect(heard.map(({ status }) => status)).toEqual([1, 2]);
    expect(heard[1]!.atMs - hungAtMs).toBeLessThan(LIMIT_MS + 1000);

    const ready = await fetch(`${linnet.gateway.url}/health`);
    expect(ready.status).toBe(503);
    expect(((await ready.json()) as { error: Error }).error.message).toContain('makes no progress');
    const startedAtMs = performance.now();
    const refused = await linnet.gateway.post({ prompt: 'Hi', max_tokens: 1 });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(performance.now() - startedAtMs).toBeLessThan(500);

    await released;
    expect(performance.now() - hungAtMs).toBeGreaterThan(HANG_MS - 100);
    // The stream that hung is whole.
    expect(await readStream(response)).toMatchObject({ text: expected.text, isDone: true });
    await vi.waitFor(() => expect(heard.map(({ status }) => status)).toEqual([1, 2, 1]));
    await vi.waitFor(async () => expect((await fetch(`${linnet.gateway.url}/health`)).status).toBe(200));
    expect((await linnet.gateway.post({ prompt: 'Hi', max_tokens: 1 })).status).toBe(200);
    watch.cancel();
    health.close();
  });
});
