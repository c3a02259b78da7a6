import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { ScriptedService } from '../../support/scripted-service.js';
import { startTestGateway } from '../../support/test-gateway.js';

/** Lets the first connection through and breaks all others, as an engine does on which they have yet to come back. */
async function startNarrowPath(port: number): Promise<string> {
  let isTaken = false;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (isTaken) {
      socket.destroy();
      return;
    }
    isTaken = true;
    const upstream = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.pipe(upstream).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('Calls go to the connections that are ready, while others are not', async () => {
  const service = await ScriptedService.start();
  onTestFinished(() => service.stop());
  service.answer = (call) => call.complete('here');
  const gateway = await startTestGateway({
    engineAddress: await startNarrowPath(service.port),
    numChannels: 4,
  });
  onTestFinished(() => gateway.close());
  await vi.waitFor(async () => expect((await fetch(`${gateway.url}/health`)).status).toBe(200), {
    timeout: 10_000,
  });
  for (let i = 0; i < 12; i++) {
    const response = await gateway.post({});
    expect(response.status).toBe(200);
    await response.text();
  }
});
