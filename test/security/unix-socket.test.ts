import { once } from 'node:events';
import { linkSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { protectSocket, removeStaleSocket } from '../../src/security/unix-socket.js';
import { PemFolder } from '../support/certificates.js';

let folder: PemFolder;
beforeEach(() => {
  folder = new PemFolder();
});
afterEach(() => folder.remove());

describe('removeStaleSocket', () => {
  it('removes a socket that nobody answers on', async () => {
    const server = createServer().listen(folder.path('live'));
    await once(server, 'listening');
    linkSync(folder.path('live'), folder.path('stale'));
    await new Promise((resolve) => server.close(resolve));
    await removeStaleSocket(folder.path('stale'));
    expect(statSync(folder.path('stale'), { throwIfNoEntry: false })).toBeUndefined();
  });

  it('leaves a socket on which somebody answers, and what is no socket', async () => {
    const server = createServer().listen(folder.path('live'));
    await once(server, 'listening');
    await expect(removeStaleSocket(folder.path('live'))).rejects.toThrow('another process listens on it');
    await new Promise((resolve) => server.close(resolve));
    const file = folder.write('file', 'precious');
    await expect(removeStaleSocket(file)).rejects.toThrow('it exists and is no socket');
    expect(statSync(file).size).toBe(8);
  });

  it('has nothing to do where there is nothing', () => removeStaleSocket(folder.path('none')));
});

describe('protectSocket', () => {
  it('leaves the socket to its owner', async () => {
    const server = createServer().listen(folder.path('live'));
    await once(server, 'listening');
    await protectSocket(folder.path('live'));
    expect(statSync(folder.path('live')).mode & 0o777).toBe(0o600);
    await new Promise((resolve) => server.close(resolve));
  });
});
