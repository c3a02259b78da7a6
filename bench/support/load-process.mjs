// A process that loads a model once, and tells what that took.
import { answer } from './child-process.mjs';
import { openEngine } from './engine-system.mjs';
import { watchMemory } from './memory-peak.mjs';

let system;

answer({
  async load(options) {
    const peaks = watchMemory();
    system = await openEngine(options);
    const ms = performance.now();
    return { ms, residentNow: process.memoryUsage.rss(), ...peaks() };
  },
  close: () => system?.close(),
});
