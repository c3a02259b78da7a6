import { describe, expect, it, onTestFinished } from 'vitest';
import { listenForMetrics } from '../../src/telemetry/metrics-server.js';

async function listen(render: () => Promise<string>): Promise<string> {
  const server = await listenForMetrics({ host: '127.0.0.1', port: 0 }, render);
  onTestFinished(() => server.close());
  return `http://127.0.0.1:${server.port}`;
}

describe('The metrics server', () => {
  it('serves what is rendered, and nothing else', async () => {
    const url = await listen(async () => 'a 1\n');
    const response = await fetch(`${url}/metrics?x=1`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toBe('a 1\n');
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405);
  });

  it('answers 500 where rendering fails, and goes on', async () => {
    let fails = true;
    const url = await listen(async () => {
      if (fails) throw new Error('once');
      return '';
    });
    expect((await fetch(`${url}/metrics`)).status).toBe(500);
    fails = false;
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
  });

  it('rejects where the port is taken', async () => {
    const url = await listen(async () => '');
    const { port } = new URL(url);
    await expect(listenForMetrics({ host: '127.0.0.1', port: Number(port) }, async () => '')).rejects.toThrow(
      'EADDRINUSE',
    );
  });
});
