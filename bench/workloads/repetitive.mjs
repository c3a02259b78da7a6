import { promptIds, repetitiveIds } from '../support/prompts.mjs';
import { ratioRow, toRows } from '../support/rows.mjs';
import { decodeRate } from '../support/run-metrics.mjs';

/** Text that repeats itself, as code and lists do, beside text that does not: whether the engine makes use of it. */
export const repetitive = {
  name: 'repetitive',
  async run({ precisions, engine, scaled, interleave }) {
    const rows = [];
    const prompts = {
      repetitive: repetitiveIds(scaled(128), 'repetitive'),
      other: promptIds(scaled(128), 'other'),
    };
    for (const precision of precisions) {
      const system = await engine(precision);
      const samples = await interleave(
        Object.values(prompts).map((prompt) => async () => ({
          throughput: decodeRate(await system.generate(prompt, scaled(128, 8))),
        })),
      );
      const labels = { workload: 'repetitive', system: 'engine', precision, streams: 1 };
      const [fast, usual] = samples.map((list) => list.map(({ throughput }) => throughput));
      rows.push(
        ...Object.keys(prompts).flatMap((variant, index) => toRows({ ...labels, variant }, samples[index])),
        ratioRow({ ...labels, variant: 'repetitive / other' }, fast, usual),
      );
    }
    return rows;
  },
};
