// A process that loads a model once, as a service that has just been started.
import { answer } from './child-process.mjs';
import { openEngine } from './engine-system.mjs';
import { promptIds } from './prompts.mjs';

let system;

answer({
  /** Milliseconds from the start of the process until the model is loaded, and until the first token is there. */
  async start(options) {
    system = await openEngine(options);
    const load = performance.now();
    const run = await system.generate(promptIds(16, 'cold'), 1);
    return { load, firstToken: run.timesMs[0] };
  },
  residentBytes: () => process.memoryUsage.rss(),
  close: () => system?.close(),
});
