// Measures Linnet beside its peers, with the same weights in the same minutes: `npm run bench:peers -- --json FILE`.
// Each system has a process of its own, and one of them works at a time.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { installPeers } from './peers/install.mjs';
import { folderFor, SYSTEMS } from './peers/systems.mjs';
import { PEER_WORKLOADS } from './peers/workloads.mjs';
import { startChild } from './support/child-process.mjs';
import { loadAverage, machineLine } from './support/machine.mjs';
import { promptIds } from './support/prompts.mjs';
import { randomCheckpoint } from './support/random-checkpoint.mjs';
import { interleave } from './support/rounds.mjs';
import { toRows } from './support/rows.mjs';
import { renderTable } from './support/table.mjs';

const CACHE = join(tmpdir(), 'linnet-bench');
const PROCESS = new URL('./peers/system-process.mjs', import.meta.url);
/** Greedy tokens that all systems must agree on at f32, or they compute different models. */
const AGREEMENT = 20;

const USAGE = `Usage: npm run bench:peers -- [options]

  --only LIST         of ${Object.keys(PEER_WORKLOADS).join(', ')}; default: all
  --system LIST       of ${SYSTEMS.map(({ name }) => name).join(', ')}; default: all
  --precision LIST    of f32, q8, q4; default: all
  --model FOLDER      the GPT-2 checkpoint; default: the 124M shape with random weights
  --threads COUNT     threads that compute; default: one for each core, at most 8
  --minutes COUNT     nothing is begun after this; default: 11
  --scale SHARE       shortens every text: 1 measures, 0.05 only tries it out; default: 1
  --json FILE         writes the figures to a file, too
`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(PEER_WORKLOADS).join(',') },
    system: { type: 'string', default: SYSTEMS.map(({ name }) => name).join(',') },
    precision: { type: 'string', default: 'f32,q8,q4' },
    model: { type: 'string' },
    threads: { type: 'string', default: String(Math.min(8, availableParallelism())) },
    minutes: { type: 'string', default: '11' },
    scale: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
if (values.help) console.log(USAGE);
else await main();

async function main() {
  const deadlineMs = Number(values.minutes) * 60_000; // on the clock of performance.now()
  installPeers();
  mkdirSync(CACHE, { recursive: true });
  const directory = resolve(values.model ?? randomCheckpoint(join(CACHE, 'gpt2')));
  const machine = machineLine();
  console.log(machine);
  const systems = await openAll(directory);
  try {
    const rows = await checkAgreement(systems);
    for (const workload of values.only.split(',')) {
      const load = loadAverage();
      const measured = await measureAll(systems, workload, deadlineMs);
      rows.push(...measured);
      console.log(`\n${workload} (load average before: ${load.toFixed(2)})\n${renderTable(measured)}`);
    }
    if (values.json !== undefined) {
      mkdirSync(dirname(values.json), { recursive: true });
      const lines = rows.map((row) => ({ ...row, machine }));
      writeFileSync(values.json, `${JSON.stringify(lines, null, 2)}\n`);
    }
  } finally {
    for (const { child } of systems) await child.close();
  }
}

async function openAll(directory) {
  const folder = folderFor(CACHE, directory);
  const [names, precisions] = [values.system.split(','), values.precision.split(',')];
  const opened = [];
  for (const { name, module, write, ...system } of SYSTEMS.filter((each) => names.includes(each.name))) {
    for (const precision of system.precisions.filter((each) => precisions.includes(each))) {
      const files = await write({ directory, folder }, precision);
      const child = await startChild(PROCESS);
      const options = {
        directory,
        cacheDirectory: folder,
        precision,
        numThreads: Number(values.threads),
        ...files,
      };
      await child.ask('open', module, options);
      opened.push({ labels: { system: name, precision }, child });
    }
  }
  return opened;
}

/** Greedy completions at f32 must be the same, or the systems do not compute the same model. */
async function checkAgreement(systems) {
  const rows = [];
  let expected;
  for (const { labels, child } of systems.filter(({ labels: { precision } }) => precision === 'f32')) {
    const ids = await child.ask('greedyIds', promptIds(16, 'agreement'), AGREEMENT);
    expected ??= ids;
    const differs = ids.findIndex((id, index) => id !== expected[index]);
    const agreement = differs < 0 ? AGREEMENT : differs;
    rows.push(...toRows({ workload: 'agreement', ...labels, streams: 1 }, [{ agreement }]));
    if (agreement === AGREEMENT) continue;
    process.exitCode = 1;
    console.error(
      `${labels.system} computes another model: it agrees for ${agreement} of ${AGREEMENT} tokens.`,
    );
  }
  console.log(`\n${renderTable(rows)}`);
  return rows;
}

async function measureAll(systems, workload, deadlineMs) {
  const { streams, maxRounds } = PEER_WORKLOADS[workload];
  let round = 0;
  let slowestMs = 0;
  const measures = systems.map(({ child }) => async () => {
    const startedAt = performance.now();
    if (startedAt > deadlineMs) return undefined;
    const sample = await child.ask('measure', workload, { scale: Number(values.scale), round: round++ });
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    return sample;
  });
  const samples = await interleave(measures, {
    rounds: maxRounds,
    warmUp: maxRounds > 1,
    mayBegin: () => performance.now() + slowestMs * systems.length < deadlineMs,
  });
  return systems.flatMap(({ labels }, index) => {
    const measured = samples[index].filter((sample) => sample !== undefined);
    return toRows({ workload, ...labels, streams }, measured);
  });
}
