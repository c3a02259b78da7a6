import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../support/child-process.mjs';
import { toRows } from '../support/rows.mjs';

const PROCESS = new URL('../support/cold-start-process.mjs', import.meta.url);

/** A new process, up to its model and its first token; where weights are quantized, also the first time of all. */
export const coldStart = {
  name: 'cold-start',
  async run({ precisions, engineOptions, interleave }) {
    const samples = await interleave(
      precisions.map((precision) => () => start(engineOptions(precision))),
      { maxRounds: 3 },
    );
    const rows = precisions.flatMap((precision, index) =>
      toRows(
        { workload: 'cold-start', system: 'engine', precision, variant: 'started before' },
        samples[index],
      ),
    );
    for (const precision of precisions.filter((name) => name !== 'f32')) {
      const options = engineOptions(precision);
      const cacheDirectory = mkdtempSync(join(options.cacheDirectory, 'first-'));
      try {
        const sample = await start({ ...options, cacheDirectory });
        const labels = { workload: 'cold-start', system: 'engine', precision, variant: 'first start of all' };
        rows.push(...toRows(labels, [sample]));
      } finally {
        rmSync(cacheDirectory, { recursive: true });
      }
    }
    return rows;
  },
};

async function start(options) {
  const child = await startChild(PROCESS);
  try {
    return await child.ask('start', options);
  } finally {
    await child.close();
  }
}
