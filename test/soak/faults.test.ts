import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { LoadOptions } from '../../src/load/load-options.js';
import { createRandom } from '../../src/load/random.js';
import { type LoadResult, runLoad } from '../../src/load/run-load.js';
import type { TcpFaults } from '../../tools/tcp-proxy.mjs';
import { FaultyCluster } from '../support/faulty-cluster.js';
import type { DnsFault } from '../support/faulty-dns.js';
import { scrape } from '../support/metrics.js';

/** LINNET_SOAK_SECONDS=600 is the long run; LINNET_SOAK_SEED repeats one. */
const SECONDS = Number(process.env['LINNET_SOAK_SECONDS'] ?? 12);
const SEED = Number(process.env['LINNET_SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

let cluster: FaultyCluster;
beforeAll(async () => {
  cluster = await FaultyCluster.start(3);
}, 120_000);
afterAll(() => cluster.close());

const LOAD: Omit<LoadOptions, 'target'> = {
  arrivals: { kind: 'closed', clients: 12, thinkMs: 150 },
  durationMs: SECONDS * 1000,
  promptTokens: { low: 2, high: 100 },
  completionTokens: { low: 5, high: 120 },
  variety: 30,
  leaverShare: 0.1,
  temperature: 0.8,
  seed: SEED,
  model: '',
  isChecked: true,
  metricsUrl: undefined,
  apiKey: undefined,
  // Far more than a request takes, and than any fault lasts: one that takes this long hangs.
  timeoutMs: 30_000,
  maxInFlight: 100,
};

function load(options: Partial<LoadOptions>, onProgress = () => {}): Promise<LoadResult> {
  const { signal } = new AbortController();
  return runLoad({ ...LOAD, target: cluster.url, ...options }, { onProgress, signal });
}

/** One fault after another, at random, until the time is over; then all is as it was. */
async function harass(isOver: () => boolean): Promise<Record<string, number>> {
  const random = createRandom(SEED);
  const below = (limit: number) => Math.floor(random() * limit);
  const anyProxy = () => cluster.proxies[below(cluster.proxies.length)]!;
  const forAWhile = async (faults: TcpFaults, proxy = anyProxy()) => {
    proxy.setFaults(faults);
    await sleep(200 + below(1000));
    proxy.setFaults({});
  };
  const faults: Record<string, () => Promise<unknown>> = {
    'connections cut': async () => anyProxy().cut(),
    'connections half-closed': async () => anyProxy().halfClose(),
    'connections delayed': () => forAWhile({ delayMs: 20 + below(200) }),
    'connections throttled': () => forAWhile({ bytesPerSecond: 500 + below(5000) }),
    'connections refused': () => forAWhile({ isRefusing: true }),
    'connections cut and refused': async () => {
      const proxy = anyProxy();
      const refusal = forAWhile({ isRefusing: true }, proxy);
      proxy.cut();
      await refusal;
    },
    'connections silent': async () => {
      const proxy = anyProxy();
      proxy.silence();
      await sleep(100 + below(1500));
      proxy.resume();
    },
    'engine killed': () => cluster.restartEngine(below(cluster.numEngines)),
    'gateway killed': () => cluster.restartGateway('SIGKILL'),
    'gateway drained': () => cluster.restartGateway('SIGTERM'),
  };
  const names = Object.keys(faults);
  const counts: Record<string, number> = {};
  while (!isOver()) {
    await sleep(below(700));
    const name = names[below(names.length)]!;
    counts[name] = (counts[name] ?? 0) + 1;
    await faults[name]!();
  }
  return counts;
}

/** One fault of the DNS server after another, at random, until the time is over; then it answers as before. */
async function harassDns(isOver: () => boolean): Promise<Record<string, number>> {
  const { dns, engineHosts } = cluster;
  const random = createRandom(SEED + 1);
  const below = (limit: number) => Math.floor(random() * limit);
  const some = () => engineHosts.filter(() => random() < 0.5);
  const answers = (addresses: readonly string[]) => {
    dns.addresses = addresses;
  };
  const fails = (fault: DnsFault) => () => {
    dns.fault = fault;
  };
  const faults: Record<string, () => void> = {
    'DNS silent': fails('silent'),
    'DNS failing': fails('failing'),
    'DNS without the name': fails('unknown'),
    'DNS garbled': fails('garbled'),
    'DNS late': () => {
      dns.delayMs = 200 + below(2500);
    },
    'DNS tells of some engines': () => answers(some()),
    'DNS tells of one that is not there': () => answers([...some(), '127.0.0.99']),
  };
  const names = Object.keys(faults);
  const counts: Record<string, number> = {};
  while (!isOver()) {
    const name = names[below(names.length)]!;
    counts[name] = (counts[name] ?? 0) + 1;
    faults[name]!();
    // Long enough for the gateway to ask, which it does every 5 seconds, or too short for it.
    for (let ms = 500 + below(8000); ms > 0 && !isOver(); ms -= 100) await sleep(100);
    Object.assign(dns, { addresses: engineHosts, fault: 'none', delayMs: 0 });
    await sleep(below(500));
  }
  return counts;
}

describe(`${SECONDS} seconds of faults (seed ${SEED})`, () => {
  it(
    'make requests fail, but none hangs, no text is wrong, and nothing is left behind',
    async () => {
      const calm = await load({ durationMs: 2000 });
      expect(calm.counts).toMatchObject({ refused: 0, failed: 0, wrong: 0 });
      let isOver = false;
      let harassment: Promise<Record<string, number>[]> | undefined;
      // The references are there when there is progress.
      const result = await load({}, () => {
        harassment ??= Promise.all([harass(() => isOver), harassDns(() => isOver)]);
      });
      isOver = true;
      const faults = Object.assign({}, ...((await harassment) ?? []));
      process.stdout.write(`${JSON.stringify({ seed: SEED, faults, ...summaryOf(result) }, undefined, 2)}\n`);
      expect(result.counts.wrong).toBe(0);
      expect(result.failures['TIMEOUT']).toBeUndefined();
      expect(result.counts.completed).toBeGreaterThan(0);

      await vi.waitFor(
        async () => expect((await fetch(`${cluster.url}/health/ready`)).status).toBe(200),
        30_000,
      );
      const after = await load({ durationMs: 2000 });
      expect(after.counts).toMatchObject({ refused: 0, failed: 0, wrong: 0 });
      await vi.waitFor(
        async () => {
          const metrics = await scrape(cluster.gatewayUrl);
          // The scrape itself is the one request that runs.
          expect(metrics.value('http_server_active_requests')).toBeLessThanOrEqual(1);
          expect(cluster.gatewayFiles).toBeLessThan(100);
        },
        { timeout: 10_000, interval: 100 },
      );
    },
    (SECONDS + 120) * 1000,
  );
});

function summaryOf({ counts, refusals, failures, firstTokenMs, completedMs }: LoadResult) {
  return { counts, refusals, failures, firstTokenMs, completedMs };
}
