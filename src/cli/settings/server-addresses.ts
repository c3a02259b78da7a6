import { resolve } from 'node:path';
import { toReachableAddress } from './network-address.js';
import type { Settings } from './settings.js';

/** Says where a gateway can be reached: `http://127.0.0.1:8000`, `https://...` or `unix:/run/linnet.sock`. */
export function toHttpUrl({ host, httpSocket, tlsCert }: Settings, port: number): string {
  if (httpSocket !== undefined) return `unix:${resolve(httpSocket)}`;
  return `${tlsCert === undefined ? 'http' : 'https'}://${toReachableAddress(host, port)}`;
}

/** Says where a gRPC service can be reached: `127.0.0.1:50051` or `unix:/run/linnet.sock`. */
export function toGrpcTarget({ host, grpcSocket }: Settings, port: number): string {
  return grpcSocket === undefined ? toReachableAddress(host, port) : `unix:${resolve(grpcSocket)}`;
}
