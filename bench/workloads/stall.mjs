import { CHUNK_SIZES } from '../../dist/engine/kv-cache/chunk-sizes.js';
import { promptIds } from '../support/prompts.mjs';
import { ratioRow, toRows } from '../support/rows.mjs';
import { firstTokenMs, gapsMs } from '../support/run-metrics.mjs';
import { median } from '../support/statistics.mjs';

const STREAMS = 8;
/** Tokens that each stream has, on average, when the prompt arrives. */
const TOKENS_BEFORE = 16;

/** A long prompt arrives while 8 streams run: how long their readers wait at most, beside one chunk and one step. */
export const stall = {
  name: 'stall',
  async run({ precisions, engine, scaled, interleave }) {
    const rows = [];
    let numPrompts = 0;
    for (const precision of precisions) {
      const system = await engine(precision);
      const [samples] = await interleave([
        () =>
          measure(system, { length: scaled(900), maxTokens: scaled(64, 8), name: `stall ${numPrompts++}` }),
      ]);
      const labels = { workload: 'stall', system: 'engine', precision, streams: STREAMS };
      rows.push(...toRows(labels, samples), {
        ...ratioRow(
          { ...labels, variant: 'longest gap / chunk and step' },
          samples.map(({ gapMax }) => gapMax),
          samples.map(({ chunkAndStep }) => chunkAndStep),
        ),
        goal: { atMost: 1.5 },
      });
    }
    return rows;
  },
};

async function measure(system, { length, maxTokens, name }) {
  let numTokens = 0;
  /** @type {(atMs: number) => void} */
  let arrive = () => {};
  const arrival = new Promise((resolve) => {
    arrive = resolve;
  });
  const before = Math.min(TOKENS_BEFORE, maxTokens - 1);
  const onToken = () => {
    if (++numTokens === before * STREAMS) arrive(performance.now());
  };
  const running = Array.from({ length: STREAMS }, (_, index) =>
    system.generate(promptIds(16, `${name} ${index}`), maxTokens, { onToken }),
  );
  const arrivedAtMs = await arrival;
  const long = await system.generate(promptIds(length, name), 1);
  const runs = await Promise.all(running);
  const alone = await system.generate(promptIds(length, `${name} alone`), 1);

  const step = median(runs.flatMap((run) => gapsMs(within(run, { from: run.timesMs[1], to: arrivedAtMs }))));
  const during = runs.map((run) => within(run, { from: arrivedAtMs, to: long.timesMs[0] }));
  const gapMax = Math.max(...during.flatMap(gapsMs));
  return { gapMax, chunkAndStep: (firstTokenMs(alone) * CHUNK_SIZES.long) / length + step };
}

function within(run, { from, to }) {
  return { timesMs: run.timesMs.filter((time) => time >= from && time <= to) };
}
