import { promptIds } from '../support/prompts.mjs';
import { ratioRow, toRows } from '../support/rows.mjs';
import { firstTokenMs } from '../support/run-metrics.mjs';

/** Two requests that begin with the same 900 tokens: what the second one gains. */
export const sharedPrefix = {
  name: 'shared-prefix',
  async run({ precisions, engine, scaled, interleave }) {
    const rows = [];
    let numPrefixes = 0;
    for (const precision of precisions) {
      const system = await engine(precision);
      const [pairs] = await interleave([
        async () => {
          const prefix = promptIds(scaled(900), `prefix ${numPrefixes++}`);
          const ask = async (name) =>
            firstTokenMs(await system.generate([...prefix, ...promptIds(scaled(20), name)], 1));
          return { first: await ask('first'), second: await ask('second') };
        },
      ]);
      const labels = { workload: 'shared-prefix', system: 'engine', precision, streams: 1 };
      const [first, second] = ['first', 'second'].map((which) => pairs.map((pair) => pair[which]));
      rows.push(
        ...toRows(
          { ...labels, variant: 'first' },
          first.map((value) => ({ firstToken: value })),
        ),
        ...toRows(
          { ...labels, variant: 'second' },
          second.map((value) => ({ firstToken: value })),
        ),
        ratioRow({ ...labels, variant: 'first / second' }, first, second),
      );
    }
    return rows;
  },
};
