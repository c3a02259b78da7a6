import { promptIds } from '../support/prompts.mjs';
import { ratioRow, toRows } from '../support/rows.mjs';
import { decodeRate } from '../support/run-metrics.mjs';

/** Completions that repeat one token, because a bias forces it, and completions that hardly repeat any. */
const TEXTS = { repetitive: { logitBias: new Map([[11, 100]]) }, other: { temperature: 1 } };

/** What lookup gains where the text repeats itself, as code and lists do, and what it costs where it doesn't. */
export const repetitive = {
  name: 'repetitive',
  async run({ precisions, engine, scaled, interleave }) {
    const rows = [];
    for (const precision of precisions) {
      const systems = [await engine(precision), await engine(precision, { lookup: true })];
      for (const [text, options] of Object.entries(TEXTS)) {
        const samples = await interleave(
          systems.map((system) => async () => ({
            throughput: decodeRate(
              await system.generate(promptIds(scaled(64), text), scaled(128, 8), options),
            ),
          })),
        );
        const labels = { workload: 'repetitive', system: 'engine', precision, streams: 1 };
        const [off, on] = samples.map((list) => list.map(({ throughput }) => throughput));
        const ratio = ratioRow({ ...labels, variant: `${text}, on / off` }, on, off);
        rows.push(
          ...toRows({ ...labels, variant: `${text}, lookup off` }, samples[0]),
          ...toRows({ ...labels, variant: `${text}, lookup on` }, samples[1]),
          { ...ratio, goal: { atLeast: text === 'repetitive' ? 2 : 0.95 } },
        );
      }
    }
    return rows;
  },
};
