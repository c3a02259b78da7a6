import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startTcpProxy, type TcpFaults, type TcpProxy } from '../../tools/tcp-proxy.mjs';
import { ROOT } from '../support/linnet-process.js';

let server: Server;
let accepted: Socket[];
beforeEach(async () => {
  accepted = [];
  // Says back what it hears, and ends when its caller does.
  server = createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  for (const socket of accepted) socket.destroy();
  server.close();
});

function address(): string {
  const { port } = server.address() as { port: number };
  return `127.0.0.1:${port}`;
}

async function start(faults: TcpFaults = {}): Promise<TcpProxy> {
  const proxy = await startTcpProxy(address(), faults);
  onTestFinished(() => proxy.close());
  return proxy;
}

function dial({ target }: TcpProxy): Socket {
  const socket = connect(Number(target.split(':')[1]), '127.0.0.1');
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

async function say(socket: Socket, words: string): Promise<string> {
  socket.write(words);
  let heard = '';
  while (heard.length < words.length) heard += (await once(socket, 'data'))[0];
  return heard;
}

describe('a TCP proxy', () => {
  it('passes on what comes, in order and to its end', async () => {
    const socket = dial(await start());
    const words = 'once upon a time '.repeat(100_000);
    socket.end(words);
    expect(await text(socket)).toBe(words);
  });

  it('delays each direction', async () => {
    const socket = dial(await start({ delayMs: 40 }));
    const startedAtMs = performance.now();
    expect(await say(socket, 'hi')).toBe('hi');
    expect(performance.now() - startedAtMs).toBeGreaterThan(75);
  });

  it('throttles what the server says', async () => {
    const socket = dial(await start({ bytesPerSecond: 1000 }));
    const startedAtMs = performance.now();
    expect(await say(socket, 'x'.repeat(200))).toHaveLength(200);
    expect(performance.now() - startedAtMs).toBeGreaterThan(180);
  });

  it('cuts connections, and takes new ones', async () => {
    const proxy = await start();
    const socket = dial(proxy);
    await say(socket, 'hi');
    expect(proxy.numConnections).toBe(1);
    proxy.cut();
    await once(socket, 'close');
    expect(await say(dial(proxy), 'again')).toBe('again');
  });

  it('says that the other side sends no more, and still passes on what a side says', async () => {
    const proxy = await start();
    const socket = dial(proxy);
    await say(socket, 'hi');
    const ended = once(socket, 'end');
    proxy.halfClose();
    await ended;
    await once(accepted[0]!, 'end');
  });

  it('lets nothing pass while it is silent, and all of it afterwards', async () => {
    const proxy = await start();
    const socket = dial(proxy);
    await say(socket, 'hi');
    proxy.silence();
    let heard = '';
    socket.on('data', (piece) => {
      heard += piece;
    });
    socket.write('later');
    // By then it would have come by the shorter way.
    for (let turn = 0; turn < 20; turn++) await say(dial({ target: address() } as TcpProxy), 'hi');
    expect(heard).toBe('');
    proxy.resume();
    await once(socket, 'data');
    expect(heard).toBe('later');
  });

  it('refuses connections until it is told to pass them', async () => {
    const proxy = await start({ isRefusing: true });
    const socket = dial(proxy);
    await new Promise((resolve) => socket.once('close', resolve));
    proxy.setFaults({});
    expect(await say(dial(proxy), 'hi')).toBe('hi');
  });

  it('is run from the command line too', async () => {
    const child = spawn(process.execPath, [`${ROOT}tools/tcp-proxy.mjs`, address()]);
    onTestFinished(() => void child.kill('SIGKILL'));
    const [banner] = await once(child.stdout.setEncoding('utf8'), 'data');
    const target = /^(\S+) -> /.exec(banner)?.[1] ?? '';
    const socket = dial({ target } as TcpProxy);
    expect(await say(socket, 'hi')).toBe('hi');
    child.stdin.write('cut\n');
    await once(socket, 'close');
    child.stdin.end('dance\n');
    expect(await text(child.stdout)).toContain('dance: no such command');
  });
});
