import { promptIds } from '../support/prompts.mjs';
import { ratioRow, toRows } from '../support/rows.mjs';
import { totalRate } from '../support/run-metrics.mjs';

/** What the way to the reader costs: tokens a second over HTTP, and over gRPC, beside the engine by itself. */
export const sse = {
  name: 'sse',
  async run({ precisions, engine, service, scaled, interleave }) {
    const rows = [];
    for (const precision of precisions) {
      const { grpc, gateway } = await service(precision);
      const systems = { engine: await engine(precision), grpc, gateway };
      for (const count of [1, 16]) {
        const prompts = Array.from({ length: count }, (_, index) => promptIds(scaled(16), `sse ${index}`));
        const samples = await interleave(
          Object.values(systems).map((system) => async () => ({
            throughput: totalRate(
              await Promise.all(prompts.map((prompt) => system.generate(prompt, scaled(128)))),
            ),
          })),
        );
        const [bare, ...others] = samples.map((list) => list.map(({ throughput }) => throughput));
        const labels = { workload: 'sse', precision, streams: count };
        for (const [index, system] of Object.keys(systems).entries()) {
          rows.push(...toRows({ ...labels, system }, samples[index]));
        }
        for (const [index, system] of ['grpc', 'gateway'].entries()) {
          const ratio = ratioRow({ ...labels, system, variant: `${system} / engine` }, others[index], bare);
          rows.push({ ...ratio, goal: { atLeast: 0.95 } });
        }
      }
    }
    return rows;
  },
};
