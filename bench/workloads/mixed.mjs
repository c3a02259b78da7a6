import { measureMixed, mixedRequests } from '../support/mixed-requests.mjs';
import { toRows } from '../support/rows.mjs';

/** 32 clients with texts of all lengths at once, through each layer. */
export const mixed = {
  name: 'mixed',
  async run({ precisions, engine, service, scaled, interleave }) {
    const rows = [];
    let numRounds = 0;
    for (const precision of precisions) {
      const { gateway } = await service(precision);
      const systems = { engine: await engine(precision), gateway };
      const samples = await interleave(
        Object.values(systems).map((system) => () => {
          // New texts each time, of the same lengths.
          return measureMixed(system, mixedRequests({ scaled, name: `mixed ${numRounds++}` }));
        }),
        { maxRounds: 2, warmUp: false },
      );
      for (const [index, system] of Object.keys(systems).entries()) {
        rows.push(...toRows({ workload: 'mixed', system, precision, streams: 32 }, samples[index]));
      }
    }
    return rows;
  },
};
