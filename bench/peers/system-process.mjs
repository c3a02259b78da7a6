// A process with one system at one precision, which measures what it is asked to.
import { answer } from '../support/child-process.mjs';
import { PEER_WORKLOADS } from './workloads.mjs';

let system;

answer({
  async open(module, options) {
    const { open } = await import(`./systems/${module}.mjs`);
    system = await open(options);
  },
  async greedyIds(prompt, count) {
    await system.prepare?.(1);
    return (await system.generate(prompt, count)).ids;
  },
  async measure(workload, { scale, round }) {
    const { streams, measure } = PEER_WORKLOADS[workload];
    await system.prepare?.(streams);
    const scaled = (count, least = 2) => Math.max(Math.min(count, least), Math.round(count * scale));
    return measure(system, { scaled, round });
  },
  close: () => system?.close(),
});
