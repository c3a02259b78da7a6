import { promptIds } from '../support/prompts.mjs';
import { toRows } from '../support/rows.mjs';
import { decodeRate } from '../support/run-metrics.mjs';

/** One stream: how fast a single reader gets tokens. */
export const decode = {
  name: 'decode',
  async run({ precisions, engine, scaled, interleave }) {
    const prompt = promptIds(scaled(64), 'decode');
    const systems = await Promise.all(precisions.map(engine));
    const samples = await interleave(
      systems.map((system) => async () => ({
        throughput: decodeRate(await system.generate(prompt, scaled(128, 8))),
      })),
    );
    return precisions.flatMap((precision, index) =>
      toRows({ workload: 'decode', system: 'engine', precision, streams: 1 }, samples[index]),
    );
  },
};
