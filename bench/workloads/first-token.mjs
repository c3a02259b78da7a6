import { promptIds } from '../support/prompts.mjs';
import { toRows } from '../support/rows.mjs';
import { firstTokenMs } from '../support/run-metrics.mjs';

const LENGTHS = [16, 128, 900];

/** From the request to the first token, through each layer, with nothing else running. */
export const firstToken = {
  name: 'first-token',
  async run({ precisions, engine, service, scaled, interleave }) {
    const rows = [];
    let numPrompts = 0;
    for (const precision of precisions) {
      const { grpc, gateway } = await service(precision);
      const systems = { engine: await engine(precision), grpc, gateway };
      const cases = Object.entries(systems).flatMap(([name, system]) =>
        LENGTHS.map((length) => ({ name, system, length })),
      );
      const samples = await interleave(
        cases.map(({ system, length }) => async () => {
          const prompt = promptIds(scaled(length), `first ${numPrompts++}`);
          return { firstToken: firstTokenMs(await system.generate(prompt, 1)) };
        }),
      );
      for (const [index, { name, length }] of cases.entries()) {
        const labels = { workload: 'first-token', system: name, precision, streams: 1 };
        rows.push(...toRows({ ...labels, variant: `prompt of ${length}` }, samples[index]));
      }
    }
    return rows;
  },
};
