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

export async function startTcpProxy(upstream: string): Promise<TcpProxy> {
  const port = Number(upstream.slice(upstream.lastIndexOf(':') + 1));
  const sockets: Socket[] = [];
  const server = createServer((downstream) => {
    const socket = connect(port, '127.0.0.1');
    sockets.push(downstream, socket);
    downstream.pipe(socket);
    socket.pipe(downstream);
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
