import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { PemStore } from '../../security/pem-store.js';
import { protectSocket, removeStaleSocket } from '../../security/unix-socket.js';

/** Where a gateway listens. */
export interface GatewayAddress {
  /** Such as `http://127.0.0.1:8000`, `https://[::1]:8000` or `unix:/run/linnet.sock`. */
  readonly url: string;
  /** The port; undefined on a Unix socket. */
  readonly port: number | undefined;
}

/** Where a server is to listen: on a port of a host, or, if there is a path, on a Unix socket. */
export interface HttpListenOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** An absolute path. */
  readonly socketPath?: string | undefined;
}

// Longer than load balancers keep an idle connection, or they send a request into one that closes.
const TIMEOUTS = { keepAliveTimeout: 72_000, headersTimeout: 75_000, requestTimeout: 90_000 };
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** What an HTTP server is made with. */
export interface HttpServerOptions {
  /** The certificates; where they have authorities, clients must show one of theirs. Undefined for plain HTTP. */
  readonly tls: PemStore | undefined;
  /** The most bytes of a request's headers. */
  readonly maxHeaderBytes: number;
}

/** Makes the server of an app, over TLS where there are certificates. New connections use the newest ones. */
export function createHttpServer(app: RequestListener, { tls, maxHeaderBytes }: HttpServerOptions): Server {
  const options: ServerOptions = { ...TIMEOUTS, maxHeaderSize: maxHeaderBytes };
  if (tls === undefined) return createServer(options, app);
  const requestCert = tls.pem.ca !== undefined;
  const server = createTlsServer(
    { ...options, ...tls.pem, requestCert, handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
    app,
  );
  const unsubscribe = tls.onChange((pem) => server.setSecureContext(pem));
  server.on('close', unsubscribe);
  return server;
}

/**
 * Begins to listen. A Unix socket that a crashed process left behind is replaced; nobody but its owner can connect to it.
 *
 * @throws Error with the system's code where it can't (`EADDRINUSE`).
 */
export async function listen(server: Server, options: HttpListenOptions): Promise<GatewayAddress> {
  const { host, port, socketPath } = options;
  if (socketPath !== undefined) {
    await removeStaleSocket(socketPath);
    server.listen(socketPath);
    await once(server, 'listening');
    await protectSocket(socketPath);
    return { port: undefined, url: `unix:${socketPath}` };
  }
  server.listen(port, host);
  await once(server, 'listening');
  return toAddress(server.address() as AddressInfo, isTls(server));
}

/** Tells whether a server speaks TLS. */
export function isTls(server: Server): boolean {
  return 'setSecureContext' in server;
}

function toAddress({ address, family, port }: AddressInfo, tls: boolean): GatewayAddress {
  const host = family === 'IPv6' ? `[${address}]` : address;
  return { port, url: `${tls ? 'https' : 'http'}://${host}:${port}` };
}
