// Measures Linnet: `linnet bench [workload...] [--json FILE] ...`; `--help` lists everything.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { createContext } from './support/context.mjs';
import { loadAverage, machineLine } from './support/machine.mjs';
import { randomCheckpoint } from './support/random-checkpoint.mjs';
import { renderTable } from './support/table.mjs';
import { bandwidth } from './workloads/bandwidth.mjs';
import { capacity } from './workloads/capacity.mjs';
import { coldStart } from './workloads/cold-start.mjs';
import { decode } from './workloads/decode.mjs';
import { firstToken } from './workloads/first-token.mjs';
import { gateway } from './workloads/gateway.mjs';
import { kvCache } from './workloads/kv-cache.mjs';
import { memory } from './workloads/memory.mjs';
import { messages } from './workloads/messages.mjs';
import { mixed } from './workloads/mixed.mjs';
import { prefill } from './workloads/prefill.mjs';
import { repetitive } from './workloads/repetitive.mjs';
import { sharedPrefix } from './workloads/shared-prefix.mjs';
import { sse } from './workloads/sse.mjs';
import { stall } from './workloads/stall.mjs';
import { streams } from './workloads/streams.mjs';

const WORKLOADS = [
  ...[decode, streams, prefill, firstToken, mixed, sharedPrefix, repetitive],
  ...[kvCache, bandwidth, sse, messages, gateway, stall, capacity, coldStart, memory],
];
const NAMES = WORKLOADS.map(({ name }) => name);
const CACHE = join(tmpdir(), 'linnet-bench');

const USAGE = `Usage: linnet bench [workload...] [options]
   or: npm run bench -- [workload...] [options]

Workloads: ${NAMES.join(', ')}. Default: all.

  --model FOLDER      the GPT-2 checkpoint to measure; default: the 124M shape with random weights
  --precision LIST    of f32, q8, i8, q4; default: f32,i8
  --threads COUNT     threads that compute; default: one for each core
  --rounds COUNT      at most; default: 5
  --seconds COUNT     no round of a workload starts after this; default: 40
  --scale SHARE       shortens every text: 1 measures, 0.03 only tries it out; default: 1
  --json FILE         writes the figures to a file, too

Examples:
  Measure decoding at two precisions:
    linnet bench decode --precision f32,q8
  Try everything out in two minutes, for no figures that mean anything:
    linnet bench --scale 0.03 --rounds 1
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', default: false },
    model: { type: 'string' },
    precision: { type: 'string', default: 'f32,i8' },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '40' },
    scale: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});

if (values.help) {
  console.log(USAGE);
} else {
  const unknown = positionals.filter((name) => !NAMES.includes(name));
  if (unknown.length > 0) fail(`There is no workload "${unknown[0]}"; there are ${NAMES.join(', ')}.`);
  await measure(WORKLOADS.filter(({ name }) => positionals.length === 0 || positionals.includes(name)));
}

async function measure(workloads) {
  mkdirSync(CACHE, { recursive: true });
  const machine = machineLine();
  console.log(machine);
  const context = createContext({
    directory: values.model ?? randomCheckpoint(join(CACHE, 'gpt2')),
    cacheDirectory: CACHE,
    precisions: values.precision.split(','),
    numThreads: Number(values.threads),
    rounds: Number(values.rounds),
    limitMs: Number(values.seconds) * 1000,
    scale: Number(values.scale),
  });
  const all = [];
  try {
    for (const workload of workloads) {
      const load = loadAverage();
      const rows = await workload.run(context);
      all.push(...rows.map((row) => ({ ...row, machine })));
      console.log(`\n${workload.name} (load average before: ${load.toFixed(2)})\n${renderTable(rows)}`);
    }
  } finally {
    await context.close();
  }
  if (values.json === undefined) return;
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify(all, null, 2)}\n`);
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
