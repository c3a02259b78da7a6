import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type LoadResult, runLoad } from '../../src/load/run-load.js';
import { fixtureCheckpoint } from '../support/fixtures.js';
import { LinnetProcess, ROOT } from '../support/linnet-process.js';
import { hasCommand } from '../support/shell.js';

const HAS_HAPROXY = hasCommand('haproxy');
const ENGINE_ARGS = ['--precision', 'f32', '--threads', '1', '--kv-cache', '64MiB', '--preload'];

let folder: string;
let engines: { process: LinnetProcess; address: string }[] = [];
let haproxy: ChildProcess;
let target: string;

async function startEngine() {
  const model = `tiny=${fixtureCheckpoint('real-vocab')}`;
  const args = ['engine', '--grpc-port', '0', '--model', model, '--drain-delay', '4s', ...ENGINE_ARGS];
  const process = new LinnetProcess(args);
  const [, address = ''] = await process.until('stdout', /^ +gRPC +(\S+)$/m);
  return { process, address };
}

/** HAProxy can't say which port it got, so it is told one that was free just now. */
async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

beforeAll(async () => {
  if (!HAS_HAPROXY) return;
  folder = mkdtempSync(join(tmpdir(), 'linnet-haproxy-'));
  engines = await Promise.all([startEngine(), startEngine(), startEngine()]);
  const port = await findFreePort();
  target = `grpc://127.0.0.1:${port}`;
  let config = readFileSync(join(ROOT, 'deploy/haproxy/haproxy.cfg'), 'utf8').replace(':50050', `:${port}`);
  for (const [index, { address }] of engines.entries())
    config = config.replace(`127.0.0.1:${50051 + index}`, address);
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, config);
  haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  await vi.waitFor(async () => expect(await isListening(port)).toBe(true), { timeout: 10_000, interval: 50 });
}, 120_000);
afterAll(async () => {
  if (!HAS_HAPROXY) return;
  haproxy.kill('SIGKILL');
  for (const { process } of engines) {
    process.kill('SIGKILL');
    await process.end();
  }
  rmSync(folder, { recursive: true });
});

function load(durationMs: number, onProgress = () => {}): Promise<LoadResult> {
  const load = { target, arrivals: { kind: 'closed', clients: 6, thinkMs: 50 }, durationMs } as const;
  const requests = {
    promptTokens: { low: 2, high: 30 },
    completionTokens: { low: 5, high: 40 },
    variety: 10,
  };
  const how = {
    leaverShare: 0.1,
    temperature: 0,
    seed: 1,
    model: '',
    isChecked: true,
    metricsUrl: undefined,
  };
  const bounds = { apiKey: undefined, timeoutMs: 20_000, maxInFlight: 100 };
  const { signal } = new AbortController();
  return runLoad({ ...load, ...requests, ...how, ...bounds }, { onProgress, signal });
}

function numCalls({ process }: { process: LinnetProcess }): number {
  return process.stderr.split('"msg":"call done"').length - 1;
}

describe.skipIf(!HAS_HAPROXY)(
  `HAProxy in front of three engines${HAS_HAPROXY ? '' : ' (haproxy is not installed)'}`,
  () => {
    it('spreads calls over all of them', async () => {
      const { counts } = await load(2000);
      expect(counts).toMatchObject({ refused: 0, failed: 0, wrong: 0 });
      for (const engine of engines) expect(numCalls(engine)).toBeGreaterThan(counts.completed / 10);
    });

    it('loses no call of an engine that drains, because its health says so first', async () => {
      const [first] = engines;
      let isTold = false;
      const result = await load(6000, () => {
        if (!isTold) first?.process.kill('SIGTERM');
        isTold = true;
      });
      expect(result.counts).toMatchObject({ refused: 0, failed: 0, wrong: 0 });
      expect(await first?.process.end()).toBe(0);
    });

    it('loses only the calls of an engine that is killed', async () => {
      const [, second] = engines;
      let isKilled = false;
      const { counts, failures } = await load(4000, () => {
        if (!isKilled) second?.process.kill('SIGKILL');
        isKilled = true;
      });
      expect(counts.wrong).toBe(0);
      // Of six clients no more than six had a call there.
      expect(counts.failed + counts.refused, JSON.stringify(failures)).toBeLessThanOrEqual(6);
      expect((await load(1000)).counts).toMatchObject({ refused: 0, failed: 0, wrong: 0 });
    });
  },
);
