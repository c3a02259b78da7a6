import { lstat, unlink } from 'node:fs/promises';
import { createConnection, isIPv6 } from 'node:net';
import { type Server, ServerCredentials } from '@grpc/grpc-js';

/** Where a server is to listen: on a port of a host, or, if there is a path, on a Unix socket. */
export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** An absolute path. */
  readonly socketPath?: string | undefined;
}

/** Where a server listens. */
export interface GrpcServerAddress {
  /** What a client dials: `127.0.0.1:50051`, `[::1]:50051` or `unix:/run/linnet.sock`. */
  readonly target: string;
  /** The port; undefined on a Unix socket. */
  readonly port: number | undefined;
}

/**
 * Binds a server. A Unix socket that a crashed process left behind is replaced.
 *
 * @throws Error that says what stands in the way.
 */
export async function bindServer(server: Server, listen: ListenOptions): Promise<GrpcServerAddress> {
  if (listen.socketPath !== undefined) {
    await removeStaleSocket(listen.socketPath);
    const target = `unix:${listen.socketPath}`;
    await bind(server, target);
    return { target, port: undefined };
  }
  const host = isIPv6(listen.host) ? `[${listen.host}]` : listen.host;
  const port = await bind(server, `${host}:${listen.port}`);
  return { target: `${host}:${port}`, port };
}

function bind(server: Server, target: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (cause, port) => {
      if (cause === null) resolve(port);
      else reject(new Error(`Cannot listen on ${target}: ${plainMessage(cause)}.`, { cause }));
    });
  });
}

/** Takes the system's error out of "No address added out of total 1 resolved errors: [...]". */
function plainMessage({ message }: Error): string {
  return /errors: \[(.+)\]$/.exec(message)?.[1] ?? message;
}

async function removeStaleSocket(path: string): Promise<void> {
  const stats = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new Error(`Cannot listen on ${path}: it exists and is no socket.`);
  if (await answers(path)) throw new Error(`Cannot listen on ${path}: another process listens on it.`);
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') resolve(false);
      else reject(error);
    });
  });
}
