import { capacitiesFor } from '../../dist/engine/kv-cache/slot-table.js';
import { ModelRunner } from '../../dist/engine/model/model-runner.js';
import { openModelSession } from '../support/model-session.mjs';
import { promptIds } from '../support/prompts.mjs';
import { ratioRow, toRows } from '../support/rows.mjs';
import { gapsMs } from '../support/run-metrics.mjs';
import { sequenceOf } from '../support/sequence.mjs';
import { median } from '../support/statistics.mjs';

const LIVE_TOKENS = 40;
const STEPS = 30;

/**
 * A step over the same 40 live tokens in slots of every capacity. A larger slot may cost the masked positions' share of
 * attention; much more than that, and something copies the cache, which ONNX Runtime does to outputs, and in some
 * versions to inputs. And the same tokens of requests that have room for more or less: a sequence gets a larger slot
 * only when it needs one.
 */
export const capacity = {
  name: 'capacity',
  async run({ precisions, engine, engineOptions, numThreads, interleave }) {
    const rows = [];
    for (const precision of precisions) {
      const labels = { workload: 'capacity', system: 'engine', precision, streams: 1 };
      const model = await openModelSession({ ...engineOptions(precision), numThreads });
      const capacities = capacitiesFor(model.config.contextLength);
      rows.push(...(await slotRows({ model, capacities, interleave, labels, isF32: precision === 'f32' })));
      rows.push(
        ...(await roomRows({
          system: await engine(precision),
          context: model.config.contextLength,
          interleave,
          labels,
        })),
      );
    }
    return rows;
  },
};

async function slotRows({ model, capacities, interleave, labels, isF32 }) {
  const runner = new ModelRunner({ ...model, capacities, maxPositions: 2 * capacities.at(-1) });
  const samples = await interleave(
    capacities.map((positions, classIndex) => async () => ({
      step: await stepMs(runner, { classIndex, capacity: positions }),
    })),
  );
  await runner.release();
  const rows = capacities.flatMap((positions, index) =>
    toRows({ ...labels, variant: `${positions} positions` }, samples[index]),
  );
  const [least, most] = [samples[0], samples.at(-1)].map((list) => list.map(({ step }) => step));
  const variant = `${capacities.at(-1)} / ${capacities[0]} positions`;
  return [...rows, { ...ratioRow({ ...labels, variant }, most, least), goal: { atMost: isF32 ? 1.3 : 2 } }];
}

/** The first tokens of requests that may become as long as the context, or a quarter of it. */
async function roomRows({ system, context, interleave, labels }) {
  const rooms = [context, Math.ceil(context / 4)];
  const prompt = promptIds(LIVE_TOKENS, 'room');
  const samples = await interleave(
    rooms.map((room) => async () => {
      const run = await system.generate(prompt, room - LIVE_TOKENS, { take: STEPS });
      return { step: median(gapsMs(run)) };
    }),
  );
  const rows = rooms.flatMap((room, index) =>
    toRows({ ...labels, variant: `room for ${room}` }, samples[index]),
  );
  const [larger, smaller] = samples.map((list) => list.map(({ step }) => step));
  const variant = `room for ${rooms.join(' / ')}`;
  return [...rows, { ...ratioRow({ ...labels, variant }, larger, smaller), goal: { atMost: 1.1 } }];
}

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
