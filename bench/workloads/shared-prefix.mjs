import { promptIds } from '../support/prompts.mjs';
import { ratioRow, toRows } from '../support/rows.mjs';
import { firstTokenMs } from '../support/run-metrics.mjs';

/** 900 tokens that were prefilled before: what it saves the same prompt, and one that has 20 other tokens behind them. */
export const sharedPrefix = {
  name: 'shared-prefix',
  async run({ precisions, engine, scaled, interleave }) {
    const rows = [];
    let numPrefixes = 0;
    for (const precision of precisions) {
      const system = await engine(precision);
      const firstToken = async (prompt) => firstTokenMs(await system.generate(prompt, 1));
      const [rounds] = await interleave([
        async () => {
          const name = `prefix ${numPrefixes++}`;
          const prefix = promptIds(scaled(900), name);
          const behind = promptIds(scaled(20), `behind ${name}`);
          const cold = await firstToken(prefix);
          const same = await firstToken(prefix);
          return { cold, same, 'with others behind': await firstToken([...prefix, ...behind]) };
        },
      ]);
      const labels = { workload: 'shared-prefix', system: 'engine', precision, streams: 1 };
      const values = (variant) => rounds.map((round) => round[variant]);
      for (const variant of Object.keys(rounds[0])) {
        const samples = values(variant).map((value) => ({ firstToken: value }));
        rows.push(...toRows({ ...labels, variant }, samples));
      }
      for (const variant of ['same', 'with others behind'])
        rows.push(ratioRow({ ...labels, variant: `cold / ${variant}` }, values('cold'), values(variant)));
    }
    return rows;
  },
};
