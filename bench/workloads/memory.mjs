import { setTimeout } from 'node:timers/promises';
import { promptIds } from '../support/prompts.mjs';
import { toRows } from '../support/rows.mjs';
import { openService } from '../support/service-system.mjs';

const MIB = 2 ** 20;

/** After which the engine gives back what it kept for the next request, and a little more. Milliseconds. */
const REST_MS = 62_000;

/** What the processes of the service hold in RAM: after the start, after one long sequence, then at rest, and after 16 streams. */
export const memory = {
  name: 'memory',
  async run({ precisions, engineOptions, scaled }) {
    const rows = [];
    for (const precision of precisions) {
      const service = await openService(engineOptions(precision));
      const note = async (variant) => {
        const bytes = await service.residentBytes();
        const all = { ...bytes, 'engine + gateway': bytes.engine + bytes.gateway };
        for (const [system, value] of Object.entries(all)) {
          rows.push(
            ...toRows({ workload: 'memory', system, precision, variant }, [{ resident: value / MIB }]),
          );
        }
      };
      try {
        await note('idle');
        await service.gateway.generate(promptIds(scaled(900), 'memory'), scaled(124));
        await note('after 1,024 tokens');
        await setTimeout(scaled(REST_MS));
        await note('at rest after 1,024 tokens');
        const prompts = Array.from({ length: 16 }, (_, index) => promptIds(scaled(400), `memory ${index}`));
        await Promise.all(prompts.map((prompt) => service.gateway.generate(prompt, scaled(40))));
        await note('after 16 streams');
      } finally {
        await service.close();
      }
    }
    return rows;
  },
};
