// A TCP proxy that breaks connections: for tests, which import it, and for the command line:
//
//   node tools/tcp-proxy.mjs 127.0.0.1:50051 [PORT]
//
// It then reads commands, a line each: delay MS, throttle BYTES_PER_SECOND, refuse, pass (ends those three), cut,
// half-close, silence, resume, target HOST:PORT.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export async function startTcpProxy(upstream, { host = '127.0.0.1', port = 0, ...initialFaults } = {}) {
  const links = new Set();
  let address = parseAddress(upstream);
  let faults = initialFaults;
  let isSilent = false;
  // Half-closed connections stay as they are: it is the two ends that decide.
  const server = createServer({ allowHalfOpen: true }, (downstream) => {
    downstream.on('error', () => undefined);
    if (faults.isRefusing) {
      downstream.resetAndDestroy();
      return;
    }
    const socket = connect({ ...address, allowHalfOpen: true });
    const state = { faults: () => faults, isSilent: () => isSilent };
    const link = { downstream, socket, resume: [] };
    links.add(link);
    link.resume.push(
      pump(downstream, socket, state),
      pump(socket, downstream, { ...state, isFromServer: true }),
    );
    for (const [one, other] of [
      [downstream, socket],
      [socket, downstream],
    ]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.on('close', () => links.delete(link));
    }
  });
  server.listen(port, host);
  await once(server, 'listening');
  const sockets = () => [...links].flatMap(({ downstream, socket }) => [downstream, socket]);
  const cut = () => {
    for (const socket of sockets()) socket.destroy();
  };
  return {
    target: `${host}:${server.address().port}`,
    get numConnections() {
      return links.size;
    },
    retarget(next) {
      address = parseAddress(next);
    },
    setFaults(next) {
      faults = next;
    },
    cut,
    halfClose() {
      for (const socket of sockets()) socket.end();
    },
    silence() {
      isSilent = true;
    },
    resume() {
      isSilent = false;
      for (const { resume } of links) for (const go of resume) go();
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Passes on what one socket receives, in order; returns what to call when silence is over. */
function pump(source, target, { faults, isSilent, isFromServer = false }) {
  let isPumping = false;
  let hasEnded = false;
  const step = async () => {
    if (isPumping) return;
    isPumping = true;
    for (let piece = read(); piece !== null; piece = read()) {
      await passOn(piece);
    }
    isPumping = false;
    if (hasEnded && !isSilent()) target.end();
  };
  const read = () => {
    if (isSilent()) return null;
    const { bytesPerSecond } = faults();
    const most = isFromServer && bytesPerSecond ? Math.ceil(bytesPerSecond / 20) : Number.POSITIVE_INFINITY;
    return source.read(Math.min(source.readableLength, most) || undefined);
  };
  const passOn = async (piece) => {
    const { delayMs = 0, bytesPerSecond } = faults();
    const waitMs = delayMs + (isFromServer && bytesPerSecond ? (piece.length * 1000) / bytesPerSecond : 0);
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (!target.writable) return;
    // A slow reader is for the other end to notice.
    if (!target.write(piece))
      await Promise.race([once(target, 'drain'), once(target, 'close')]).catch(() => undefined);
  };
  source.on('readable', step);
  source.on('end', () => {
    hasEnded = true;
    void step();
  });
  return step;
}

function parseAddress(text) {
  const [, host = '127.0.0.1', port = ''] = /^(?:\w+:\/\/)?(?:([\w.]+):)?(\d+)\/?$/.exec(text) ?? [];
  if (port === '') throw new Error(`${text} is no address; give HOST:PORT.`);
  return { host, port: Number(port) };
}

/** What the command line's words do. */
const COMMANDS = {
  delay: (proxy, ms) => proxy.setFaults({ delayMs: Number(ms) }),
  throttle: (proxy, bytes) => proxy.setFaults({ bytesPerSecond: Number(bytes) }),
  refuse: (proxy) => proxy.setFaults({ isRefusing: true }),
  pass: (proxy) => proxy.setFaults({}),
  cut: (proxy) => proxy.cut(),
  'half-close': (proxy) => proxy.halfClose(),
  silence: (proxy) => proxy.silence(),
  resume: (proxy) => proxy.resume(),
  target: (proxy, address) => proxy.retarget(address),
};

async function main([upstream, port = '0']) {
  if (upstream === undefined) throw new Error('Usage: node tools/tcp-proxy.mjs HOST:PORT [PORT]');
  const proxy = await startTcpProxy(upstream, { port: Number(port) });
  console.log(`${proxy.target} -> ${upstream}; commands: ${Object.keys(COMMANDS).join(', ')}`);
  for await (const line of createInterface({ input: process.stdin })) {
    const [word, ...args] = line.trim().split(/\s+/);
    if (Object.hasOwn(COMMANDS, word)) COMMANDS[word](proxy, ...args);
    console.log(Object.hasOwn(COMMANDS, word) ? `${line}: done` : `${word}: no such command`);
  }
  await proxy.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
