import { isIPv6 } from 'node:net';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { createServerCredentials } from '../security/grpc-credentials.js';
import type { PemStore } from '../security/pem-store.js';
import { protectSocket, removeStaleSocket } from '../security/unix-socket.js';

/** Where a server is to listen: on a port of a host, or, if there is a path, on a Unix socket. */
export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** An absolute path. */
  readonly socketPath?: string | undefined;
  /** The certificates of the port; none for plaintext. A Unix socket is always plaintext: it never leaves the machine. */
  readonly tls?: PemStore | undefined;
}

/** Where a server listens. */
export interface GrpcServerAddress {
  /** What a client dials: `127.0.0.1:50051`, `[::1]:50051` or `unix:/run/linnet.sock`. */
  readonly target: string;
  /** The port; undefined on a Unix socket. */
  readonly port: number | undefined;
}

/**
 * Binds a server. A Unix socket that a crashed process left behind is replaced; nobody but its owner can connect to it.
 *
 * @throws Error that says what stands in the way.
 */
export async function bindServer(server: Server, listen: ListenOptions): Promise<GrpcServerAddress> {
  if (listen.socketPath !== undefined) {
    await removeStaleSocket(listen.socketPath);
    const target = `unix:${listen.socketPath}`;
    await bind(server, target, ServerCredentials.createInsecure());
    await protectSocket(listen.socketPath);
    return { target, port: undefined };
  }
  const host = isIPv6(listen.host) ? `[${listen.host}]` : listen.host;
  const port = await bind(server, `${host}:${listen.port}`, createServerCredentials(listen.tls));
  return { target: `${host}:${port}`, port };
}

function bind(server: Server, target: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (cause, port) => {
      if (cause === null) resolve(port);
      else reject(new Error(`Cannot listen on ${target}: ${plainMessage(cause)}.`, { cause }));
    });
  });
}

/** Takes the system's error out of "No address added out of total 1 resolved errors: [...]". */
function plainMessage({ message }: Error): string {
  return /errors: \[(.+)\]$/.exec(message)?.[1] ?? message;
}
