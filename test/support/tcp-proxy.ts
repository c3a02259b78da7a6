import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on a free port of loopback, with which a test breaks connections. */
export interface TcpProxy {
  readonly target: string;
  /** Breaks every connection, as a caller that dies does. */
  cut(): void;
  /** Lets nothing pass any more, as a caller whose machine vanished does. */
  silence(): void;
  close(): Promise<void>;
}

/** How a proxy passes on what the server says. */
export interface TcpProxyOptions {
  /** So many bytes a second on each connection. Default: as fast as they come. */
  readonly bytesPerSecond?: number;
}

export async function startTcpProxy(
  upstream: string,
  { bytesPerSecond }: TcpProxyOptions = {},
): Promise<TcpProxy> {
  const port = Number(upstream.slice(upstream.lastIndexOf(':') + 1));
  const sockets: Socket[] = [];
  const server = createServer((downstream) => {
    const socket = connect(port, '127.0.0.1');
    sockets.push(downstream, socket);
    downstream.pipe(socket);
    if (bytesPerSecond === undefined) socket.pipe(downstream);
    else trickle(socket, downstream, bytesPerSecond);
    downstream.on('error', () => socket.destroy());
    socket.on('error', () => downstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const listening = typeof address === 'object' && address !== null ? address.port : 0;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    target: `127.0.0.1:${listening}`,
    cut,
    silence() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close() {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function trickle(source: Socket, target: Socket, bytesPerSecond: number): void {
  const timer = setInterval(() => {
    const size = Math.min(source.readableLength, Math.ceil(bytesPerSecond / 20));
    if (size > 0) target.write(source.read(size));
    else source.read(0);
  }, 50);
  source.once('close', () => clearInterval(timer));
  target.once('close', () => clearInterval(timer));
}
