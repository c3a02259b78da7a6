import { promptIds } from '../support/prompts.mjs';
import { toRows } from '../support/rows.mjs';
import { firstTokenMs } from '../support/run-metrics.mjs';

/** A long prompt: how many of its tokens are computed a second. Each is a new one, so that no cache helps. */
export const prefill = {
  name: 'prefill',
  async run({ precisions, engine, scaled, interleave }) {
    const length = scaled(900);
    let numPrompts = 0;
    const systems = await Promise.all(precisions.map(engine));
    const samples = await interleave(
      systems.map((system) => async () => {
        const run = await system.generate(promptIds(length, `prefill ${numPrompts++}`), 1);
        return { throughput: (length * 1000) / firstTokenMs(run) };
      }),
    );
    return precisions.flatMap((precision, index) =>
      toRows({ workload: 'prefill', system: 'engine', precision, streams: 1 }, samples[index]),
    );
  },
};
