// Measures what more requests than can be answered do: `node bench/overload.mjs [--seconds 300] [--factor 10] ...`.
// Runs the whole service as `linnet serve`, and loads it over HTTP with as many requests a second as it can answer, then
// with ten times as many.
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
const CACHE = join(tmpdir(), 'linnet-bench');

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    seconds: { type: 'string', default: '300' },
    factor: { type: 'string', default: '10' },
    // Places of the engine, and how long somebody may wait for one.
    running: { type: 'string', default: '16' },
    'max-wait': { type: 'string', default: '2s' },
    'prompt-tokens': { type: 'string', default: '16' },
    'max-tokens': { type: 'string', default: '32' },
  },
});

const durationMs = Number(values.seconds) * 1000;
const service = await startService();
try {
  console.log(machineLine());
  const clients = Number(values.running);
  const closed = await load({ kind: 'closed', clients, thinkMs: 0 }, Math.min(durationMs, 60_000));
  const capacity = closed.completedPerSecond;
  console.log(`capacity: ${capacity.toFixed(2)} requests/s with ${clients} clients\n`);
  const once_ = await loadAt(capacity);
  const times = await loadAt(capacity * Number(values.factor));
  const share = times.completionTokensPerSecond / once_.completionTokensPerSecond;
  console.log(`throughput at ${values.factor} times, of that at 1 time: ${(share * 100).toFixed(1)} %`);
} finally {
  await service.close();
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

/** Loads the service at a rate, and prints a line. */
async function loadAt(ratePerSecond) {
  const before = await residentMiB();
  const result = await load({ kind: 'open', ratePerSecond }, durationMs);
  const after = await residentMiB();
  const { counts, completionTokensPerSecond, firstTokenMs, gapMs, refusedMs, refusals, failures } = result;
  const at = ({ p50, p99 }) => `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`;
  console.log(
    [
      `${ratePerSecond.toFixed(1)} requests/s for ${values.seconds} s: ${completionTokensPerSecond.toFixed(1)} tokens/s`,
      `  completed ${counts.completed}, refused ${counts.refused}, failed ${counts.failed}`,
      `  first token ${at(firstTokenMs)}; gap ${at(gapMs)}`,
      `  refusal ${at(refusedMs)} ${JSON.stringify(refusals)} ${JSON.stringify(failures)}`,
      `  resident memory, engine ${before.engine} to ${after.engine} MiB, gateway ${before.gateway} to ${after.gateway} MiB\n`,
    ].join('\n'),
  );
  return result;
}

function load(arrivals, forMs) {
  const range = (text) => ({ low: Number(text), high: Number(text) });
  return runLoad(
    {
      ...{
        target: service.url,
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

/** Memory in RAM of the two processes, in MiB. */
async function residentMiB() {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  const of = (name) => {
    const [, bytes] = new RegExp(`^process_resident_memory_bytes\\{process="${name}"\\} (\\S+)`, 'm').exec(
      text,
    );
    return Math.round(Number(bytes) / 2 ** 20);
  };
  return { engine: of('engine'), gateway: of('gateway') };
}
