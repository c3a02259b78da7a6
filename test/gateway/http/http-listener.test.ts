import { once } from 'node:events';
import { linkSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PemFolder } from '../../support/certificates.js';
import { ScriptedService } from '../../support/scripted-service.js';
import { startTestGateway } from '../../support/test-gateway.js';

let folder: PemFolder;
let service: ScriptedService;
beforeEach(async () => {
  folder = new PemFolder();
  service = await ScriptedService.start();
});
afterEach(() => {
  service.stop();
  folder.remove();
});

async function get(socketPath: string, path: string) {
  const call = request({ socketPath, path, agent: false }).end();
  const [response] = await once(call, 'response');
  return { status: response.statusCode, body: await text(response) };
}

describe('A gateway on a Unix socket', () => {
  it('answers there, to its owner only, and leaves no socket behind', async () => {
    const socketPath = folder.path('http.sock');
    const gateway = await startTestGateway({ engineAddress: service.address, socketPath });
    expect(gateway.url).toBe(`unix:${socketPath}`);
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    expect((await get(socketPath, '/health')).status).toBe(200);
    const rival = startTestGateway({ engineAddress: service.address, socketPath });
    await expect(rival).rejects.toThrow('another process listens on it');
    expect((await get(socketPath, '/health/live')).body).toBe('{"status":"ok"}');
    await gateway.close();
    expect(statSync(socketPath, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('replaces a socket that a crash left behind', async () => {
    const stale = createServer().listen(folder.path('live'));
    await once(stale, 'listening');
    linkSync(folder.path('live'), folder.path('http.sock'));
    await new Promise((resolve) => stale.close(resolve));
    const socketPath = folder.path('http.sock');
    const gateway = await startTestGateway({ engineAddress: service.address, socketPath });
    expect((await get(socketPath, '/health/live')).status).toBe(200);
    await gateway.close();
  });
});

describe('Headers', () => {
  it('beyond the limit are answered with 431', async () => {
    const gateway = await startTestGateway({ engineAddress: service.address, maxHeaderBytes: 2048 });
    const get = (length: number) =>
      fetch(`${gateway.url}/health/live`, { headers: { 'x-filler': 'x'.repeat(length) } });
    expect((await get(1000)).status).toBe(200);
    expect((await get(3000)).status).toBe(431);
    await gateway.close();
  });
});
