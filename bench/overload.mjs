// Measures what more requests than can be answered do: `node bench/overload.mjs [--seconds 300] [--factor 10] ...`, of which
// the last load lasts so long, and the others a minute at most.
// Runs the whole service as `linnet serve`, and loads it over HTTP with as many requests a second as it can answer; then
// with as many, while a server that does nothing but refuse gets nine times as many; then with ten times as many. The
// generator has the service's cores: the second load says what is its doing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runLoad } from '../dist/load/run-load.js';
import { machineLine } from './support/machine.mjs';
import { randomCheckpoint } from './support/random-checkpoint.mjs';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const REFUSE_ALL = fileURLToPath(new URL('support/refuse-all.mjs', import.meta.url));
const CACHE = join(tmpdir(), 'linnet-bench');

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    seconds: { type: 'string', default: '300' },
    // What the service can answer, in requests a second. Default: as measured.
    capacity: { type: 'string' },
    // Leaves the second load out.
    brief: { type: 'boolean', default: false },
    factor: { type: 'string', default: '10' },
    // Places of the engine, and how long somebody may wait for one.
    running: { type: 'string', default: '16' },
    'max-wait': { type: 'string', default: '2s' },
    'prompt-tokens': { type: 'string', default: '16' },
    'max-tokens': { type: 'string', default: '32' },
  },
});

const durationMs = Number(values.seconds) * 1000;
const shortMs = Math.min(durationMs, 60_000);
const service = await startService();
try {
  console.log(machineLine());
  const capacity = Number(values.capacity ?? (await measureCapacity()));
  const factor = Number(values.factor);
  const atCapacity = await measure('1 time', shortMs, capacity);
  const name = `1 time, ${factor - 1} times elsewhere`;
  const elsewhere = values.brief
    ? undefined
    : await measure(name, shortMs, capacity, capacity * (factor - 1));
  const beyond = await measure(`${factor} times`, durationMs, capacity * factor);
  const share = (of, than) => `${((100 * of) / than).toFixed(1)} %`;
  console.log(`throughput at ${factor} times: ${share(beyond, atCapacity)} of that at 1 time`);
  if (elsewhere !== undefined) console.log(`${share(beyond, elsewhere)} of that with the refusals elsewhere`);
} finally {
  await service.close();
}

/** As many clients as there are places, who ask again at once. */
async function measureCapacity() {
  const clients = Number(values.running);
  const closed = await load(service.url, { kind: 'closed', clients, thinkMs: 0 }, shortMs);
  console.log(`capacity: ${closed.completedPerSecond.toFixed(2)} requests/s with ${clients} clients\n`);
  return closed.completedPerSecond;
}

async function startService() {
  const directory = values.model ?? randomCheckpoint(join(CACHE, 'gpt2'));
  const args = ['serve', '--http-port', '0', '--grpc-port', '0', '--preload', '--log-level', 'error'];
  const limits = ['--max-running-requests', values.running, '--max-wait', values['max-wait']];
  const child = spawn(process.execPath, [MAIN, ...args, ...limits, '--model', `bench=${directory}`], {
    env: { ...process.env, LINNET_CACHE_DIR: CACHE },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  while (!/Ctrl-C/.test(text)) {
    await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
    if (child.exitCode !== null) throw new Error(`The service ended: ${text}`);
  }
  const url = /^ +HTTP +(\S+)$/m.exec(text)[1];
  return {
    url,
    async close() {
      child.kill('SIGTERM');
      await once(child, 'close');
    },
  };
}

/** Loads the service at a rate, and another server that refuses at another; prints what came of it. Returns tokens/s. */
async function measure(name, forMs, ratePerSecond, elsewherePerSecond = 0) {
  const before = await usage();
  const startedAtMs = performance.now();
  const elsewhere = elsewherePerSecond > 0 ? refuseElsewhere(elsewherePerSecond, forMs) : undefined;
  const result = await load(service.url, { kind: 'open', ratePerSecond }, forMs);
  const seconds = (performance.now() - startedAtMs) / 1000;
  await elsewhere;
  const after = await usage();
  const { counts, completionTokensPerSecond, firstTokenMs, gapMs, refusedMs, refusals, failures } = result;
  const at = ({ p50, p99, count }) => (count ? `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms` : 'none');
  const cores = (who) => ((after[who].cpuSeconds - before[who].cpuSeconds) / seconds).toFixed(2);
  console.log(
    [
      `${name}: ${ratePerSecond.toFixed(1)} requests/s for ${forMs / 1000} s: ${completionTokensPerSecond.toFixed(1)} tokens/s`,
      `  completed ${counts.completed}, refused ${counts.refused}, failed ${counts.failed}`,
      `  first token ${at(firstTokenMs)}; gap ${at(gapMs)}`,
      `  refusal ${at(refusedMs)} ${JSON.stringify(refusals)} ${JSON.stringify(failures)}`,
      `  cores: engine ${cores('engine')}, gateway ${cores('gateway')}, load ${cores('load')}`,
      `  resident memory, engine ${before.engine.mib} to ${after.engine.mib} MiB, gateway ${before.gateway.mib} to ${after.gateway.mib} MiB\n`,
    ].join('\n'),
  );
  return completionTokensPerSecond;
}

async function refuseElsewhere(ratePerSecond, forMs) {
  const child = spawn(process.execPath, [REFUSE_ALL], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = await once(child.stdout, 'data');
    await load(String(line).trim(), { kind: 'open', ratePerSecond }, forMs);
  } finally {
    child.kill();
  }
}

function load(target, arrivals, forMs) {
  const range = (text) => ({ low: Number(text), high: Number(text) });
  return runLoad(
    {
      ...{
        target,
        arrivals,
        durationMs: forMs,
        variety: 20,
        leaverShare: 0,
        temperature: 0,
        seed: 1,
      },
      promptTokens: range(values['prompt-tokens']),
      completionTokens: range(values['max-tokens']),
      ...{ model: 'bench', isChecked: false, metricsUrl: undefined, apiKey: undefined },
      ...{ timeoutMs: 120_000, maxInFlight: 10_000 },
    },
    { onProgress: () => undefined, signal: new AbortController().signal },
  );
}

/** Memory in RAM of the two processes, in MiB, and the processor time of them and of this one, in seconds. */
async function usage() {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  const read = (name, process) =>
    Number(new RegExp(`^process_${name}\\{process="${process}"\\} (\\S+)`, 'm').exec(text)[1]);
  const of = (process) => ({
    mib: Math.round(read('resident_memory_bytes', process) / 2 ** 20),
    cpuSeconds: read('cpu_seconds_total', process),
  });
  const { user, system } = process.cpuUsage();
  return { engine: of('engine'), gateway: of('gateway'), load: { cpuSeconds: (user + system) / 1e6 } };
}
