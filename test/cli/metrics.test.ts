import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LinnetProcess, serve as startServe } from '../support/linnet-process.js';
import { scrape } from '../support/metrics.js';

function endWithTest(linnet: LinnetProcess): LinnetProcess {
  onTestFinished(async () => {
    linnet.kill('SIGKILL');
    await linnet.end();
  });
  return linnet;
}

async function serve(args: readonly string[] = []) {
  const started = await startServe(args);
  endWithTest(started.linnet);
  return started;
}

async function metricsUrl(linnet: LinnetProcess): Promise<string> {
  const [, url = ''] = await linnet.until('stderr', /Metrics are at (http:\S+)\/metrics\./);
  return url;
}

describe('linnet serve', () => {
  it("has both processes' metrics on the gateway's port, and the gateway's while the engine is down", async () => {
    const { linnet, addresses } = await serve(['--preload']);
    const both = await scrape(addresses.http);
    expect(both.value('linnet_model_ready', { model: 'fable' })).toBe(1);
    expect(both.value('vllm:num_requests_waiting', { model_name: 'fable' })).toBe(0);
    expect(both.value('process_resident_memory_bytes', { process: 'gateway' })).toBeGreaterThan(0);
    expect(both.value('process_resident_memory_bytes', { process: 'engine' })).toBeGreaterThan(0);

    const [, pid] = await linnet.until('stderr', /"pid":(\d+)[^\n]*The model is loaded/);
    process.kill(Number(pid), 'SIGKILL');
    await linnet.until('stderr', /It is started again/);
    const alone = await scrape(addresses.http);
    expect(alone.find('linnet_model_ready')).toEqual([]);
    expect(alone.value('process_resident_memory_bytes', { process: 'gateway' })).toBeGreaterThan(0);
    await linnet.until('stderr', /The engine is ready again/);
    expect((await scrape(addresses.http)).value('linnet_model_ready')).toBe(1);
  });

  it('has them on a port of their own where there is one', async () => {
    const { linnet, addresses } = await serve(['--metrics-port', '0']);
    expect((await fetch(`${addresses.http}/metrics`)).status).toBe(404);
    const metrics = await scrape(await metricsUrl(linnet));
    expect(metrics.value('process_resident_memory_bytes', { process: 'engine' })).toBeGreaterThan(0);
  });

  it('asks for an API key where it asks for one elsewhere', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'linnet-metrics-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'keys.json');
    const create = new LinnetProcess(['key', 'create', 'prometheus', '--api-keys', file]);
    expect(await create.end()).toBe(0);
    const { addresses } = await serve(['--api-keys', file]);
    expect((await fetch(`${addresses.http}/metrics`)).status).toBe(401);
    await scrape(addresses.http, { authorization: `Bearer ${create.stdout.trim()}` });
  });
});

describe('linnet engine', () => {
  it('has metrics on a port of their own, if it is given one', async () => {
    const engine = endWithTest(new LinnetProcess(['engine', '--grpc-port', '0', '--metrics-port', '0']));
    const metrics = await scrape(await metricsUrl(engine));
    expect(metrics.value('linnet_requests_running', { model: 'fable' })).toBe(0);
    expect(metrics.find('http_server_active_requests')).toEqual([]);
  });
});
