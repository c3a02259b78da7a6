import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Makes a place for the Unix socket over which `linnet serve` reaches its own engine where the gRPC port speaks TLS: a
 * folder for this user only, which goes with the process. So the gateway needs no certificate for its own other half.
 *
 * @returns the socket's path; there is no socket yet.
 */
export function createGatewaySocket(target: NodeJS.Process): string {
  const path = join(mkdtempSync(join(tmpdir(), 'linnet-')), 'engine.sock');
  target.once('exit', () => rmSync(dirname(path), { recursive: true, force: true }));
  return path;
}
