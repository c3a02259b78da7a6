import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScriptedService } from '../support/scripted-service.js';
import { startTestGateway, type TestGateway } from '../support/test-gateway.js';

let service: ScriptedService;
let gateway: TestGateway;

beforeEach(async () => {
  service = await ScriptedService.start();
  gateway = await startTestGateway({ engineAddress: service.address });
});

afterEach(async () => {
  await gateway.close();
  service.stop();
});

function openSocket(): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(gateway.port, '127.0.0.1', () => resolve(socket));
    socket.on('error', () => undefined);
  });
}

describe('Gateway', () => {
  it('fails to start on a port that is taken', async () => {
    await expect(startTestGateway({ port: gateway.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('answers 503 while the engine is down, and works when it is back', async () => {
    service.stop();
    const down = await gateway.post({ stream: true });
    expect(down.status).toBe(503);
    expect(Number(down.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await down.json()).error).toMatchObject({
      type: 'server_error',
      code: 'engine_unavailable',
      message: expect.stringContaining(service.address),
    });
    expect((await fetch(`${gateway.url}/health`)).status).toBe(503);
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);
    expect((await fetch(gateway.url)).status).toBe(200);

    service = await ScriptedService.start(service.port);
    service.answer = (call) => call.complete('back');
    await vi.waitFor(async () => expect((await gateway.post({})).status).toBe(200), { timeout: 10_000 });
    await vi.waitFor(async () => expect((await fetch(`${gateway.url}/health`)).status).toBe(200));
  });

  it('ends a stream with an error event when the engine dies', async () => {
    const answer = gateway.post({ stream: true });
    const call = await service.nextCall();
    call.accept().sendText('Once');
    const response = await answer;
    service.stop();
    const body = await response.text();
    expect(body.match(/"error"/g)).toHaveLength(1);
    expect(body).toContain('"code":"engine_unavailable"');
    expect(body).not.toContain('[DONE]');
  });

  it('lets streams finish while it drains, and takes no new connections', async () => {
    const silent = await openSocket();
    const silentClosed = new Promise((resolve) => silent.on('close', resolve));
    silent.resume();
    const answer = gateway.post({ stream: true });
    const call = await service.nextCall();
    call.accept().sendText('Once');
    const response = await answer;
    const drained = gateway.drain(3_600_000);
    await silentClosed;
    await expect(fetch(`${gateway.url}/health/live`)).rejects.toThrow();
    call.sendText(' upon');
    call.finish();
    const body = await response.text();
    expect(body).toContain('" upon"');
    expect(body).toMatch(/data: \[DONE\]\n\n$/);
    await drained;
  });

  it('answers what is already on its connections while it drains, and then ends them', async () => {
    const socket = await openSocket();
    let received = '';
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.setEncoding('utf8').on('data', (part) => {
      received += part;
    });
    const post =
      'POST /completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';
    socket.write(post);
    const first = await service.nextCall();
    const drained = gateway.drain(3_600_000);
    socket.write(post);
    const second = await service.nextCall();
    first.complete('one');
    second.complete('two');
    await closed;
    expect(received).toMatch(/"text":"one".*connection: close.*"text":"two"/is);
    await drained;
  });

  it('ends with an error what runs longer than the grace', async () => {
    const streaming = gateway.post({ stream: true });
    const streamCall = await service.nextCall();
    streamCall.accept().sendText('Once');
    const response = await streaming;
    const collecting = gateway.post({});
    await service.nextCall();
    await gateway.drain(20);
    expect(await response.text()).toMatch(/data: \{"error":\{"message":"The gateway shuts down.*\}\}\n\n$/);
    expect((await collecting).status).toBe(503);
    expect(await streamCall.ended).toBe('cancelled');
  });

  it('cuts a drain short when it is closed', async () => {
    const streaming = gateway.post({ stream: true });
    const call = await service.nextCall();
    call.accept();
    const response = await streaming;
    const drained = gateway.drain(3_600_000);
    await gateway.close();
    await drained;
    expect(await response.text()).toContain('"code":"engine_unavailable"');
  });
});

describe('A thousand clients that go away', () => {
  it('leave a stream on the same connection to the engine untouched', async () => {
    await gateway.close();
    gateway = await startTestGateway({ engineAddress: service.address, numChannels: 1 });
    const unrelated = gateway.post({ stream: true, user: 'stays' });
    const call = await service.nextCall();
    call.accept().sendText('Once');
    const response = await unrelated;

    const numLeavers = 1200;
    const ends: Promise<string>[] = [];
    service.answer = (leaver) => {
      ends.push(leaver.ended);
      leaver.accept().sendText('x');
    };
    const leave = async () => {
      const socket = await openSocket();
      socket.write(
        'POST /completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"stream":true}',
      );
      await once(socket, 'data');
      socket.destroy();
    };
    for (let i = 0; i < numLeavers; i += 50) await Promise.all(Array.from({ length: 50 }, leave));

    expect(new Set(await Promise.all(ends))).toEqual(new Set(['cancelled']));
    expect(ends).toHaveLength(numLeavers);
    call.sendText(' upon');
    call.finish();
    expect(await response.text()).toMatch(/" upon".*\[DONE\]\n\n$/s);
  });
});
