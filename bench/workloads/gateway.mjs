import { startChild } from '../support/child-process.mjs';
import { ratioRow, toRows } from '../support/rows.mjs';

const ENGINE = new URL('../support/message-process.mjs', import.meta.url);
const GATEWAY = new URL('../support/gateway-process.mjs', import.meta.url);
const STREAMS = 64;

/**
 * What the gateway takes and gives: tokens for each second of its own CPU, from engines that compute nothing, and the
 * throughput of two engines beside that of one, of which each computes 8 tokens in 20 ms.
 */
export const gateway = {
  name: 'gateway',
  async run(context) {
    return [...(await measureRelay(context)), ...(await measureScale(context))];
  },
};

async function measureRelay({ scaled, interleave }) {
  const system = await open('service', 2);
  const numTokens = scaled(1000, 20);
  const [samples] = await interleave([
    async () => {
      const cpuBefore = await system.gateway.ask('cpuMicros');
      const { throughput, numTokens: numRead, numEvents } = await readAll(system.url, numTokens);
      const cpuSeconds = ((await system.gateway.ask('cpuMicros')) - cpuBefore) / 1e6;
      return { throughput, tokensPerCore: numRead / cpuSeconds, eventsPerCore: numEvents / cpuSeconds };
    },
  ]);
  await system.close();
  const labels = {
    workload: 'gateway',
    streams: STREAMS,
    system: 'gateway',
    variant: 'engines that cost nothing',
  };
  return toRows(labels, samples).map((row) => ({
    ...row,
    ...(row.metric === 'tokensPerCore' && { goal: { atLeast: 20_000 } }),
  }));
}

async function measureScale({ scaled, interleave }) {
  const systems = await Promise.all([1, 2].map((numEngines) => open('paced', numEngines)));
  const numTokens = scaled(32, 4);
  const samples = await interleave(
    systems.map(({ url }) => async () => ({ throughput: (await readAll(url, numTokens)).throughput })),
  );
  for (const system of systems) await system.close();
  const labels = { workload: 'gateway', streams: STREAMS, system: 'gateway' };
  const [one, two] = samples.map((of) => of.map(({ throughput }) => throughput));
  return [
    ...toRows({ ...labels, variant: 'one engine' }, samples[0]),
    ...toRows({ ...labels, variant: 'two engines' }, samples[1]),
    { ...ratioRow({ ...labels, variant: 'two engines / one' }, two, one), goal: { atLeast: 1.9 } },
  ];
}

async function open(kind, numEngines) {
  const engines = await Promise.all(Array.from({ length: numEngines }, () => startChild(ENGINE)));
  const addresses = await Promise.all(engines.map((engine) => engine.ask('listen', kind)));
  const child = await startChild(GATEWAY);
  const url = `http://127.0.0.1:${await child.ask('listen', addresses.join())}`;
  while ((await numServing(url)) < numEngines);
  return {
    url,
    gateway: child,
    async close() {
      await child.close();
      for (const engine of engines) await engine.close();
    },
  };
}

/** Reads all streams at once to their ends. */
async function readAll(url, numTokens) {
  const startedAtMs = performance.now();
  const texts = await Promise.all(Array.from({ length: STREAMS }, () => readStream(url, numTokens)));
  const seconds = (performance.now() - startedAtMs) / 1000;
  const body = texts.join('');
  const numRead = count(body, ' token');
  if (numRead !== STREAMS * numTokens) throw new Error(`${numRead} tokens came.`);
  return { throughput: numRead / seconds, numTokens: numRead, numEvents: count(body, 'data: ') };
}

async function readStream(url, numTokens) {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'bench', max_tokens: numTokens, stream: true }),
  });
  return response.text();
}

function count(text, part) {
  return text.split(part).length - 1;
}

/** How many engines the gateway knows to serve. */
async function numServing(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(/^linnet_gateway_engine_serving\{.*\} 1$/gm)].length;
}
