import { chmod, lstat, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';

/**
 * Makes the path of a Unix socket free: removes a socket that a crashed process left behind, which nobody answers on.
 *
 * @throws Error in one line where the path is something else, or somebody answers.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const stats = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new Error(`Cannot listen on ${path}: it exists and is no socket.`);
  if (await answers(path)) throw new Error(`Cannot listen on ${path}: another process listens on it.`);
  await rm(path, { force: true });
}

/** Lets nobody but the owner connect to a socket. */
export async function protectSocket(path: string): Promise<void> {
  await chmod(path, 0o600);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // ENOENT: it has gone since.
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      // EAGAIN: somebody listens, with a full backlog.
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}
