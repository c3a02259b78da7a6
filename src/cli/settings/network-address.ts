import { isIPv6 } from 'node:net';

const WILDCARDS = ['0.0.0.0', '::', '::0'];

/** Joins host and port as URLs and gRPC write them; a wildcard becomes the loopback address that reaches it. */
export function toReachableAddress(host: string, port: number): string {
  const reachable = WILDCARDS.includes(host) ? '127.0.0.1' : host;
  return isIPv6(reachable) ? `[${reachable}]:${port}` : `${reachable}:${port}`;
}

/** Tells whether only this machine can reach a server that listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

const GRPC_ADDRESS = /^(?:unix:\S+|dns:\S+:\d{1,5}|(?:ipv[46]:)?(?:\[[\da-f:.]+\]|[\w.-]+):\d{1,5})$/i;

/** Tells whether this is an address of a gRPC service: host and port, a Unix socket, or a name to resolve; no URL. */
export function isGrpcAddress(text: string): boolean {
  return GRPC_ADDRESS.test(text);
}
