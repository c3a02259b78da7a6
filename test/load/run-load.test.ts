import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadOptions } from '../../src/load/load-options.js';
import { LoadError, type LoadResult, runLoad } from '../../src/load/run-load.js';
import { type Linnet, startLinnet } from '../support/linnet.js';

const OPTIONS: LoadOptions = {
  target: '',
  arrivals: { kind: 'closed', clients: 4, thinkMs: 0 },
  durationMs: 1000,
  promptTokens: { low: 2, high: 20 },
  completionTokens: { low: 2, high: 20 },
  variety: 5,
  leaverShare: 0,
  temperature: 0,
  seed: 1,
  model: '',
  isChecked: true,
  metricsUrl: undefined,
  apiKey: undefined,
  timeoutMs: 20_000,
  maxInFlight: 100,
};

function load(options: Partial<LoadOptions>): Promise<LoadResult> {
  return runLoad({ ...OPTIONS, ...options }, { onProgress: () => {}, signal: new AbortController().signal });
}

function expectWhole({ counts, completionTokens, firstTokenMs, gapMs }: LoadResult): void {
  expect(counts.completed).toBeGreaterThan(0);
  expect(counts).toMatchObject({ sent: counts.completed + counts.left, refused: 0, failed: 0, wrong: 0 });
  expect(completionTokens).toBeGreaterThanOrEqual(2 * counts.completed);
  expect(firstTokenMs.p50).toBeGreaterThan(0);
  expect(firstTokenMs.p99).toBeGreaterThanOrEqual(firstTokenMs.p50);
  expect(gapMs.count).toBeGreaterThan(0);
}

describe('a load', () => {
  let linnet: Linnet;
  beforeAll(async () => {
    linnet = await startLinnet({ engine: { maxRunning: 2, maxWaiting: 2 } });
    await linnet.engine.load();
  });
  afterAll(() => linnet.close());

  it('of clients over HTTP has every text as the reference, and what the service counted', async () => {
    const metricsUrl = `${linnet.gateway.url}/metrics`;
    const result = await load({ target: linnet.gateway.url, metricsUrl });
    expectWhole(result);
    expect(result.metrics?.increases).toMatchObject({
      linnet_generated_tokens_total: result.completionTokens,
      linnet_requests_total: result.counts.completed,
    });
    expect(Object.keys(result.metrics?.gauges ?? {})).toContain('linnet_requests_running{model="tiny"}');
  });

  it('over gRPC is the same', async () => {
    expectWhole(await load({ target: `grpc://${linnet.target}` }));
  });

  it.each(['http', 'grpc'])('whose clients leave early counts them, over %s', async (protocol) => {
    const target = protocol === 'http' ? linnet.gateway.url : `grpc://${linnet.target}`;
    // One at a time: the service may not have noticed yet that the one before has left.
    const { counts } = await load({
      target,
      leaverShare: 1,
      arrivals: { kind: 'closed', clients: 1, thinkMs: 20 },
    });
    expect(counts.left).toBeGreaterThan(0);
    expect(counts).toMatchObject({ sent: counts.left, completed: 0, failed: 0 });
  });

  it.each(['http', 'grpc'])(
    'beyond what the queue takes counts refusals by their reason, over %s',
    async (protocol) => {
      const target = protocol === 'http' ? linnet.gateway.url : `grpc://${linnet.target}`;
      const result = await load({ target, arrivals: { kind: 'open', ratePerSecond: 1000 }, durationMs: 500 });
      expect(result.counts.refused).toBeGreaterThan(0);
      expect(result.refusals).toEqual({ QUEUE_FULL: result.counts.refused });
      expect(result.refusedMs.count).toBe(result.counts.refused);
      expect(result.counts.wrong).toBe(0);
    },
  );

  it('sends no more than may be under way, and counts what was due', async () => {
    const arrivals = { kind: 'open', ratePerSecond: 1000 } as const;
    const { counts } = await load({ target: linnet.gateway.url, arrivals, durationMs: 500, maxInFlight: 1 });
    expect(counts).toMatchObject({ refused: 0, failed: 0 });
    expect(counts.notSent).toBeGreaterThan(0);
  });

  it('says which reference text is not to be had', async () => {
    await expect(load({ target: linnet.gateway.url, model: 'nobody' })).rejects.toThrow(
      new LoadError('A reference text is not to be had: refused, MODEL_NOT_FOUND.'),
    );
  });

  it('ends at once when it is told to', async () => {
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    const { counts } = await runLoad(
      { ...OPTIONS, target: linnet.gateway.url, durationMs: 60_000 },
      { onProgress, signal: controller.signal },
    );
    expect(counts.sent).toBe(counts.completed + counts.failed);
  });
});
