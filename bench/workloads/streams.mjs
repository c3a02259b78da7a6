import { promptIds } from '../support/prompts.mjs';
import { toRows } from '../support/rows.mjs';
import { steadyRate } from '../support/run-metrics.mjs';

const COUNTS = [1, 4, 16, 64];

/** Many streams: what all of them get together while all of them decode. */
export const streams = {
  name: 'streams',
  async run({ precisions, engine, scaled, interleave }) {
    const rows = [];
    for (const precision of precisions) {
      const system = await engine(precision);
      const samples = await interleave(
        COUNTS.map((count) => async () => ({
          throughput: steadyRate(await startTogether(system, count, scaled)),
        })),
        { maxRounds: 3 },
      );
      for (const [index, count] of COUNTS.entries()) {
        rows.push(
          ...toRows({ workload: 'streams', system: 'engine', precision, streams: count }, samples[index]),
        );
      }
    }
    return rows;
  },
};

/** The last stream starts a round of the scheduler for each of the others later, so the texts are long enough for all. */
function startTogether(system, count, scaled) {
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      system.generate(promptIds(scaled(16), `stream ${index}`), scaled(64, 8) + count),
    ),
  );
}
