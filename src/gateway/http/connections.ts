import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { isTls } from './http-listener.js';

/** The connections of an HTTP server. */
export interface Connections {
  /** From now on, closes each connection as soon as no request runs on it. */
  closeWhenIdle(): void;
}

/**
 * Watches a server's connections. Node's own `closeIdleConnections` misses those on which nothing was ever sent
 * (browsers and SDKs open them ahead), and those that become idle later.
 */
export function trackConnections(server: Server): Connections {
  const numRequests = new Map<Socket, number>();
  let isClosing = false;
  const change = (socket: Socket, by: number) => {
    const before = numRequests.get(socket);
    // Of a connection that the client broke, the response closes after the socket, which must not come back by that.
    if (before === undefined) return;
    numRequests.set(socket, before + by);
    if (isClosing && before + by === 0) socket.destroySoon();
  };
  // Over TLS a request's socket is the one that comes after the handshake, which has a time limit of its own.
  server.on(isTls(server) ? 'secureConnection' : 'connection', (socket: Socket) => {
    numRequests.set(socket, 0);
    change(socket, 0);
    socket.once('close', () => numRequests.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    change(socket, 1);
    response.once('close', () => change(socket, -1));
  });
  return {
    closeWhenIdle() {
      isClosing = true;
      for (const socket of numRequests.keys()) change(socket, 0);
    },
  };
}
