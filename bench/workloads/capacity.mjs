import { capacitiesFor } from '../../dist/engine/kv-cache/slot-table.js';
import { ModelRunner } from '../../dist/engine/model/model-runner.js';
import { openModelSession } from '../support/model-session.mjs';
import { ratioRow, toRows } from '../support/rows.mjs';
import { sequenceOf } from '../support/sequence.mjs';
import { median } from '../support/statistics.mjs';

const LIVE_TOKENS = 40;
const STEPS = 30;

/**
 * A step over the same 40 live tokens in slots of every capacity. A larger slot may cost the masked positions' share of
 * attention; much more than that, and something copies the cache, which ONNX Runtime does to outputs, and in some
 * versions to inputs.
 */
export const capacity = {
  name: 'capacity',
  async run({ precisions, engineOptions, numThreads, interleave }) {
    const rows = [];
    for (const precision of precisions) {
      const model = await openModelSession({ ...engineOptions(precision), numThreads });
      const capacities = capacitiesFor(model.config.contextLength);
      const maxPositions = 2 * capacities.at(-1);
      const runner = new ModelRunner({ ...model, capacities, maxPositions });
      const samples = await interleave(
        capacities.map((positions, classIndex) => async () => ({
          step: await stepMs(runner, { classIndex, capacity: positions }),
        })),
      );
      await runner.release();
      const labels = { workload: 'capacity', system: 'engine', precision, streams: 1 };
      for (const [index, positions] of capacities.entries()) {
        rows.push(...toRows({ ...labels, variant: `${positions} positions` }, samples[index]));
      }
      const [least, most] = [samples[0], samples.at(-1)].map((list) => list.map(({ step }) => step));
      const goal = { atMost: precision === 'f32' ? 1.3 : 2 };
      const variant = `${capacities.at(-1)} / ${capacities[0]} positions`;
      rows.push({ ...ratioRow({ ...labels, variant }, most, least), goal });
    }
    return rows;
  },
};

async function stepMs(runner, { classIndex, capacity: positions }) {
  const live = Math.min(LIVE_TOKENS, positions - 1);
  const sequence = sequenceOf(new Int32Array(live + 1));
  sequence.numComputedTokens = live;
  const firstSlot = { classIndex, index: 0 };
  const batch = { sequences: [sequence], firstSlot, capacity: positions, numNewTokens: 1 };
  const times = [];
  for (let step = 0; step < STEPS; step++) {
    const start = performance.now();
    await runner.run({ batches: [batch], moves: [] }, [0]);
    times.push(performance.now() - start);
  }
  return median(times);
}
