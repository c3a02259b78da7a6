import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { serve } from '../support/linnet-process.js';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../support/otlp-receiver.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const REPORT_MODULES = fileURLToPath(new URL('../telemetry/fixtures/report-modules.cjs', import.meta.url));

let receiver: OtlpReceiver;
beforeAll(async () => {
  receiver = await startOtlpReceiver();
});
afterEach(() => {
  receiver.spans.length = 0;
});
afterAll(() => receiver.close());

async function start(environment: Record<string, string>) {
  const { linnet, addresses } = await serve(['--preload'], { environment });
  onTestFinished(async () => {
    linnet.kill('SIGKILL');
    await linnet.end();
  });
  const post = (body: object, headers: Record<string, string> = {}) =>
    fetch(`${addresses.http}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  return { linnet, post };
}

function spanOf(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.find((span) => span.name === name);
  if (found === undefined)
    throw new Error(`There is no span "${name}" in ${spans.map((span) => span.name)}.`);
  return found;
}

const spansOf = (traceId: string) => receiver.spans.filter((span) => span.traceId === traceId);

describe('Traces', () => {
  it("go on from the client's through gateway and engine to the phases of a request", async () => {
    const { linnet, post } = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=bird',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    });
    const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, 'x-request-id': 'traced-1' };
    const answer = await post({ prompt: 'Once upon a time', max_tokens: 8, ignore_eos: true }, headers);
    expect(answer.status).toBe(200);
    await answer.text();
    await expect.poll(() => spansOf(TRACE).length, { timeout: 20_000 }).toBe(5);

    const http = spanOf(spansOf(TRACE), 'POST /v1/completions');
    const call = spanOf(spansOf(TRACE), 'text_completion fable');
    const [queue, prefill, decode] = ['queue', 'prefill', 'decode'].map((name) => {
      const phase = spanOf(spansOf(TRACE), name);
      expect(phase).toMatchObject({ service: 'linnet-engine', parentSpanId: call.spanId });
      return phase;
    }) as [ReceivedSpan, ReceivedSpan, ReceivedSpan];
    expect(http).toMatchObject({ service: 'linnet-gateway', parentSpanId: PARENT });
    expect(call).toMatchObject({ service: 'linnet-engine', parentSpanId: http.spanId });
    expect(http.attributes).toMatchObject({
      'http.route': '/v1/completions',
      'http.response.status_code': 200,
      'linnet.request_id': 'traced-1',
    });
    expect(call.attributes).toMatchObject({
      'gen_ai.operation.name': 'text_completion',
      'gen_ai.request.model': 'fable',
      'gen_ai.usage.output_tokens': 8,
      'gen_ai.response.finish_reasons': ['length'],
    });
    // One phase after the other. Clocks are read in two processes.
    expect(queue.endMs).toBeCloseTo(prefill.startMs, 1);
    expect(prefill.endMs).toBeCloseTo(decode.startMs, 1);
    expect(decode.endMs).toBeGreaterThan(decode.startMs);
    expect(queue.startMs).toBeGreaterThanOrEqual(call.startMs - 5);
    expect(decode.endMs).toBeLessThanOrEqual(http.endMs + 20);
    expect(receiver.headers[0]).toMatchObject({ 'x-tenant': 'bird' });
    // Both processes' lines of the log name the trace.
    const lines = linnet.stderr.split('\n').filter((line) => line.includes('traced-1'));
    expect(lines.map((line) => JSON.parse(line).traceId)).toEqual([TRACE, TRACE]);

    // One that is refused; what the caller did wrong is no error of the service.
    const refused = await post({ prompt: 'x', model: 'unknown' });
    expect(refused.status).toBe(404);
    await refused.text();
    const refusals = () => receiver.spans.filter(({ traceId }) => traceId !== TRACE);
    await expect.poll(() => refusals().length, { timeout: 20_000 }).toBe(3);
    expect(refusals().map(({ isError }) => isError)).toEqual([false, false, false]);
    expect(new Set(refusals().map(({ traceId }) => traceId)).size).toBe(1);
    const began = spanOf(refusals(), 'POST /v1/completions');
    expect(began.parentSpanId).toBe('');
    expect(spanOf(refusals(), 'text_completion').attributes).toMatchObject({
      'error.type': 'MODEL_NOT_FOUND',
    });

    linnet.kill('SIGTERM');
    expect(await linnet.end()).toBe(0);
  });

  it('load nothing and send nothing unless they are asked for; ids still reach the log', async () => {
    const { linnet, post } = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: '',
      NODE_OPTIONS: `--require=${REPORT_MODULES}`,
    });
    const headers = { traceparent: `00-${TRACE}-${PARENT}-00`, 'x-request-id': 'passed-on' };
    await (await post({ prompt: 'a', max_tokens: 2 }, headers)).text();
    const lines = () => linnet.stderr.split('\n').filter((line) => line.includes('passed-on'));
    await expect.poll(() => lines().length).toBe(2);
    expect(lines().map((line) => JSON.parse(line).traceId)).toEqual([TRACE, TRACE]);
    linnet.kill('SIGTERM');
    expect(await linnet.end()).toBe(0);
    const loaded = [...linnet.stderr.matchAll(/LOADED:(.*?):/g)].map(([, names]) => names);
    expect(loaded.length).toBeGreaterThanOrEqual(2);
    // prom-client's own dependency, which is interfaces alone.
    expect(new Set(loaded.join(',').split(',').filter(Boolean))).toEqual(new Set(['api']));
    expect(receiver.spans).toEqual([]);
  });
});
