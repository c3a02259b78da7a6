// A process that pulls once, as `linnet pull` does.
import { pull } from '../../dist/hub/pull.js';
import { answer } from './child-process.mjs';
import { watchMemory } from './memory-peak.mjs';

answer({
  async pull(endpoint, cacheDirectory, maxTries) {
    const peaks = watchMemory();
    const startedAt = performance.now();
    let error;
    await pull(
      { id: 'bench/model', revision: 'main' },
      {
        ...{ endpoint, cacheDirectory, token: undefined, offline: false, userAgent: 'linnet/bench' },
        signal: new AbortController().signal,
        onProgress() {},
        onResume() {},
        onWait() {},
        checkConfig() {},
        maxTries,
      },
    ).catch((caught) => {
      error = caught.message;
    });
    return { ms: performance.now() - startedAt, error, ...peaks() };
  },
});
