import { openMemoryBandwidth } from '../support/memory-bandwidth.mjs';
import { openWeights, weightBytes } from '../support/model-session.mjs';
import { promptIds } from '../support/prompts.mjs';
import { ratioRow, toRows } from '../support/rows.mjs';
import { decodeRate } from '../support/run-metrics.mjs';

const GIGA = 1e9;

/**
 * A lone stream reads all weights once for each token: bytes of weights x tokens/s beside what memory gives. 1 would be
 * as fast as it can be.
 */
export const bandwidth = {
  name: 'bandwidth',
  async run({ precisions, engine, engineOptions, numThreads, scaled, interleave }) {
    const read = await openMemoryBandwidth({ numThreads, bytes: scaled(512 * 2 ** 20) });
    const prompt = promptIds(scaled(32), 'bandwidth');
    const systems = await Promise.all(precisions.map(engine));
    const [machine, ...rates] = await interleave([
      async () => (await read()) / GIGA,
      ...systems.map((system) => async () => decodeRate(await system.generate(prompt, scaled(96, 8)))),
    ]);
    const samples = machine.map((value) => ({ bandwidth: value }));
    const rows = toRows({ workload: 'bandwidth', system: 'machine', variant: 'ReduceSum' }, samples);
    for (const [index, precision] of precisions.entries()) {
      const bytes = weightBytes(openWeights(engineOptions(precision)));
      const used = rates[index].map((rate) => (bytes * rate) / GIGA);
      const labels = { workload: 'bandwidth', system: 'engine', precision, streams: 1 };
      rows.push(
        ...toRows(
          { ...labels, variant: 'weights' },
          used.map((value) => ({ bandwidth: value })),
        ),
      );
      const goal = precision === 'f32' ? { goal: { atLeast: 0.8 } } : {};
      rows.push({ ...ratioRow({ ...labels, variant: 'weights / machine' }, used, machine), ...goal });
    }
    return rows;
  },
};
