import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { type Metrics, scrape } from '../support/metrics.js';

const MODEL = { model: 'long' };
const VLLM = { model_name: 'long', engine: '0' };
/** Two blocks of the prefix cache, and something behind them. */
const PROMPT = Array.from({ length: 140 }, (_, i) => i + 1000);

let checkpoint: CheckpointCopy;
let linnet: Linnet;
beforeAll(async () => {
  checkpoint = new CheckpointCopy().lengthen(8);
  linnet = await startLinnet({
    engine: {
      models: [{ id: 'long', directory: checkpoint.directory }],
      kvCacheBytes: 2 ** 26,
      maxRunning: 2,
      maxWaiting: 1,
    },
  });
  await linnet.engine.load();
});
afterAll(async () => {
  await linnet.close();
  checkpoint.remove();
});

/** What a scrape tells more than one before it did, as a function of name and labels. */
function since(before: Metrics, after: Metrics) {
  return (name: string, labels?: Record<string, string>) =>
    after.value(name, labels) - before.value(name, labels);
}

async function measure(traffic: () => Promise<unknown>) {
  const before = await scrape(linnet.gateway.url);
  await traffic();
  await untilIdle();
  const after = await scrape(linnet.gateway.url);
  return { added: since(before, after), after };
}

async function untilIdle(): Promise<void> {
  await expect
    .poll(() => linnet.engine.models()[0]?.load)
    .toMatchObject({ runningRequests: 0, waitingRequests: 0 });
  await expect.poll(() => linnet.server.runningRequests).toBe(0);
}

async function complete(body: object): Promise<void> {
  const response = await linnet.gateway.post({ temperature: 0, ignore_eos: true, ...body });
  expect(response.status).toBe(200);
  await response.text();
}

describe('The metrics of a live service', () => {
  it('count tokens, choices and requests exactly', async () => {
    const { added } = await measure(async () => {
      await complete({ prompt: PROMPT, max_tokens: 10 });
      await complete({ prompt: PROMPT, max_tokens: 10, stream: true });
      await complete({ prompt: [1, 2, 3], max_tokens: 5, n: 2 });
    });
    for (const name of ['linnet_prompt_tokens_total', 'linnet_prefix_cache_queries_total']) {
      expect(added(name, MODEL), name).toBe(140 + 140 + 3);
    }
    expect(added('vllm:prompt_tokens_total', VLLM)).toBe(283);
    expect(added('vllm:prefix_cache_queries_total', VLLM)).toBe(283);
    expect(added('linnet_prefix_cache_hits_total', MODEL)).toBe(128);
    expect(added('vllm:prefix_cache_hits_total', VLLM)).toBe(128);
    expect(added('linnet_generated_tokens_total', MODEL)).toBe(10 + 10 + 2 * 5);
    expect(added('vllm:generation_tokens_total', VLLM)).toBe(30);
    // All but each prompt's cached tokens, and of each sequence all tokens but the last.
    expect(added('linnet_computed_tokens_total', MODEL)).toBe(283 - 128 + 9 + 9 + 2 * 4);
    expect(added('linnet_choices_total', { ...MODEL, finish_reason: 'length' })).toBe(4);
    expect(added('vllm:request_success_total', { ...VLLM, finished_reason: 'length' })).toBe(4);
    const done = { ...MODEL, operation: 'text_completion', outcome: 'OK' };
    expect(added('linnet_requests_total', done)).toBe(3);
    expect(added('linnet_requests_total')).toBe(3);
    expect(added('linnet_wasted_tokens_total')).toBe(0);
  });

  it('observe times and sizes of requests', async () => {
    const startedAt = performance.now();
    const { added, after } = await measure(async () => {
      await complete({ prompt: PROMPT, max_tokens: 10 });
      await complete({ prompt: [5, 6, 7], max_tokens: 1 });
    });
    const seconds = (performance.now() - startedAt) / 1000;
    const genAi = {
      gen_ai_operation_name: 'text_completion',
      gen_ai_provider_name: 'linnet',
      gen_ai_request_model: 'long',
    };
    expect(added('gen_ai_server_request_duration_seconds_count', { ...genAi, error_type: '' })).toBe(2);
    expect(added('gen_ai_server_time_to_first_token_seconds_count', genAi)).toBe(2);
    // One token has none after it.
    expect(added('gen_ai_server_time_per_output_token_seconds_count', genAi)).toBe(1);
    const total = added('gen_ai_server_request_duration_seconds_sum', genAi);
    const first = added('gen_ai_server_time_to_first_token_seconds_sum', genAi);
    const perToken = added('gen_ai_server_time_per_output_token_seconds_sum', genAi);
    expect(total).toBeLessThan(seconds);
    expect(first + 9 * perToken).toBeLessThanOrEqual(total);
    expect(first).toBeGreaterThan(0);
    expect(perToken).toBeGreaterThan(0);

    for (const name of ['queue_time', 'prefill_time', 'decode_time', 'inference_time']) {
      expect(added(`vllm:request_${name}_seconds_count`, VLLM), name).toBe(2);
    }
    const vllm = (name: string) => added(`vllm:${name}_seconds_sum`, VLLM);
    expect(vllm('e2e_request_latency')).toBeCloseTo(total, 6);
    expect(vllm('time_to_first_token')).toBeCloseTo(first, 6);
    expect(vllm('request_time_per_output_token')).toBeCloseTo(perToken, 6);
    expect(vllm('request_queue_time') + vllm('request_prefill_time')).toBeCloseTo(first, 3);
    expect(vllm('request_prefill_time') + vllm('request_decode_time')).toBeCloseTo(
      vllm('request_inference_time'),
      6,
    );
    expect(added('vllm:inter_token_latency_seconds_count', VLLM)).toBe(9);
    expect(vllm('inter_token_latency')).toBeCloseTo(vllm('request_decode_time'), 3);
    expect(added('vllm:request_prompt_tokens_sum', VLLM)).toBe(143);
    expect(added('vllm:request_generation_tokens_sum', VLLM)).toBe(11);

    const buckets = after.find('gen_ai_server_time_to_first_token_seconds_bucket', genAi);
    expect(buckets.map(({ labels }) => labels['le'])).toEqual([
      ...['0.001', '0.005', '0.01', '0.02', '0.04', '0.06', '0.08', '0.1', '0.25', '0.5', '0.75', '1'],
      ...['2.5', '5', '7.5', '10', '+Inf'],
    ]);
  });

  it('observe steps, and the sequences in them', async () => {
    const { added } = await measure(async () => {
      await complete({ prompt: Array.from({ length: 70 }, (_, i) => i + 5000), max_tokens: 4, n: 2 });
    });
    // 64 tokens, then 6; then three steps for two sequences.
    expect(added('linnet_step_duration_seconds_count', { ...MODEL, phase: 'prefill' })).toBe(2);
    expect(added('linnet_step_duration_seconds_count', { ...MODEL, phase: 'decode' })).toBe(3);
    expect(added('linnet_step_batch_size_count', MODEL)).toBe(3);
    expect(added('linnet_step_batch_size_sum', MODEL)).toBe(6);
    expect(added('vllm:iteration_tokens_total_count', VLLM)).toBe(5);
    expect(added('vllm:iteration_tokens_total_sum', VLLM)).toBe(76);
    expect(added('linnet_step_duration_seconds_sum', MODEL)).toBeGreaterThan(0);
  });

  it('show what runs and waits, and what it holds', async () => {
    const idle = await scrape(linnet.gateway.url);
    expect(idle.value('vllm:num_requests_running', VLLM)).toBe(0);
    expect(idle.value('vllm:kv_cache_usage_perc', VLLM)).toBe(0);
    expect(idle.value('linnet_model_ready', MODEL)).toBe(1);
    expect(idle.value('linnet_kv_cache_limit_bytes', MODEL)).toBeGreaterThan(2 ** 25);
    const [info] = idle.find('vllm:cache_config_info', { ...VLLM, block_size: '64' });
    expect(Number(info?.labels['num_gpu_blocks'])).toBeGreaterThan(1);
    expect(idle.value('linnet_gateway_engine_serving')).toBe(1);

    const controller = new AbortController();
    const { signal } = controller;
    const streams = Array.from({ length: 3 }, () =>
      linnet.gateway.post({ prompt: 'Hi', max_tokens: 1900, ignore_eos: true, stream: true }, { signal }),
    );
    await Promise.all(streams.slice(0, 2));
    await expect
      .poll(async () => {
        const busy = await scrape(linnet.gateway.url);
        return {
          running: busy.value('vllm:num_requests_running', VLLM),
          waiting: busy.value('vllm:num_requests_waiting', VLLM),
          alsoRunning: busy.value('linnet_requests_running', MODEL),
          alsoWaiting: busy.value('linnet_requests_waiting', MODEL),
          holdsMemory: busy.value('vllm:kv_cache_usage_perc', VLLM) > 0,
          active: busy.value('http_server_active_requests', { http_request_method: 'POST' }),
        };
      })
      .toEqual({ running: 2, waiting: 1, alsoRunning: 2, alsoWaiting: 1, holdsMemory: true, active: 3 });
    controller.abort();
    await Promise.allSettled(streams);
    await untilIdle();
  });

  it('tell what was cancelled or refused, where, and what it had cost', async () => {
    const { added } = await measure(async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const long = { prompt: PROMPT, max_tokens: 1800, ignore_eos: true, stream: true };
      const streams = [1, 2].map(() => linnet.gateway.post(long, { signal }));
      const running = await Promise.all(streams);
      await Promise.all(running.map((response) => response.body?.getReader().read()));
      const leaving = new AbortController();
      const waiting = linnet.gateway.post(long, { signal: leaving.signal }).catch(() => undefined);
      const numWaiting = () => linnet.engine.models()[0]?.load.waitingRequests;
      await expect.poll(numWaiting).toBe(1);
      const refused = await linnet.gateway.post(long);
      expect(refused.status).toBe(429);
      leaving.abort();
      await waiting;
      // Else it might get a place that the others leave.
      await expect.poll(numWaiting).toBe(0);
      controller.abort();
    });
    const early = (phase: string, reason: string) =>
      added('linnet_requests_ended_early_total', { ...MODEL, phase, reason });
    expect(early('decode', 'CANCELLED') + early('prefill', 'CANCELLED')).toBe(2);
    expect(early('queue', 'CANCELLED')).toBe(1);
    expect(early('queue', 'QUEUE_FULL')).toBe(1);
    expect(added('linnet_requests_total', { outcome: 'QUEUE_FULL' })).toBe(1);
    expect(added('vllm:request_success_total', { ...VLLM, finished_reason: 'abort' })).toBe(2);
    expect(added('linnet_wasted_tokens_total', { ...MODEL, phase: 'decode' })).toBeGreaterThan(0);
    expect(added('linnet_wasted_tokens_total', { ...MODEL, phase: 'decode' })).toBe(
      added('linnet_generated_tokens_total', MODEL),
    );
    // The cache had two blocks of each prompt.
    expect(added('linnet_wasted_tokens_total', { ...MODEL, phase: 'prefill' })).toBe(2 * 12);
    expect(added('http_server_request_duration_seconds_count', { http_response_status_code: '499' })).toBe(3);
  });

  it('count HTTP requests and gRPC calls, by routes and methods that nobody can make up', async () => {
    const { added, after } = await measure(async () => {
      await complete({ prompt: [1, 2], max_tokens: 3 });
      await linnet.gateway.post({ prompt: 'x', model: 'made-up-model' });
      await linnet.gateway.post({ prompt: 5.5 });
      await fetch(`${linnet.gateway.url}/made/up?by=me`);
      await fetch(`${linnet.gateway.url}/v1/models/made-up-model`);
      await linnet.gateway.post({ context: 'a', continuations: ['b', 'c'] }, { path: '/v1/score' });
    });
    const http = (http_route: string, status: number) =>
      added('http_server_request_duration_seconds_count', {
        http_route,
        http_response_status_code: String(status),
      });
    expect(http('/v1/completions', 200)).toBe(1);
    expect(http('/v1/completions', 404)).toBe(1);
    expect(http('/v1/completions', 400)).toBe(1);
    expect(http('_OTHER', 404)).toBe(1);
    expect(http('/v1/models/*id', 404)).toBe(1);
    expect(http('/v1/score', 200)).toBe(1);
    const rpc = (rpc_method: string, rpc_response_status_code: string) =>
      added('rpc_server_call_duration_seconds_count', { rpc_method, rpc_response_status_code });
    expect(rpc('linnet.v1.Completion/Generate', 'OK')).toBe(1);
    expect(rpc('linnet.v1.Completion/Generate', 'NOT_FOUND')).toBe(1);
    expect(rpc('linnet.v1.Completion/Score', 'OK')).toBe(1);
    expect(rpc('linnet.v1.Models/GetModel', 'NOT_FOUND')).toBe(1);
    expect(added('linnet_requests_total', { operation: 'score', outcome: 'OK' })).toBe(1);
    expect(added('linnet_requests_total', { model: 'unknown', outcome: 'MODEL_NOT_FOUND' })).toBe(1);
    expect(added('gen_ai_client_operation_duration_seconds_count', { error_type: '' })).toBe(1);
    expect(added('gen_ai_client_operation_duration_seconds_count', { error_type: 'model_not_found' })).toBe(
      1,
    );
    expect(added('gen_ai_client_token_usage_sum', { gen_ai_token_type: 'input' })).toBe(2);
    expect(added('gen_ai_client_token_usage_sum', { gen_ai_token_type: 'output' })).toBe(3);
    expect(JSON.stringify(after.samples)).not.toMatch(/made|up-model/);
  });

  it('tell the processes apart', async () => {
    const metrics = await scrape(linnet.gateway.url);
    for (const process of ['engine', 'gateway']) {
      expect(metrics.value('process_resident_memory_bytes', { process })).toBeGreaterThan(0);
    }
  });
});
