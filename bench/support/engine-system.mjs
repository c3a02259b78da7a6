import { createEngine, DEFAULT_SAMPLING } from '../../dist/engine/index.js';

const ONE_CHOICE = {
  model: '',
  n: 1,
  bestOf: 1,
  sampling: { ...DEFAULT_SAMPLING, temperature: 0 },
  stop: [],
  includeStop: false,
  echo: false,
  logprobs: undefined,
};

/**
 * Opens the engine by itself, as a system that can be measured: `generate` makes one completion of token ids, greedily,
 * and returns its run (run-metrics.mjs) with the ids; `onToken` is called for each of them, `take` is how many of them are
 * waited for, other options are sampling params. Runs may overlap.
 */
export async function openEngine({ directory, ...options }) {
  const engine = createEngine({ models: [{ id: 'bench', directory }], ...options });
  await engine.load();
  return {
    async generate(prompt, maxTokens, { onToken = () => {}, take = maxTokens, ...sampling } = {}) {
      const prompts = [{ field: 'prompt', input: prompt }];
      const request = {
        ...ONE_CHOICE,
        prompts,
        maxTokens,
        sampling: { ...ONE_CHOICE.sampling, ...sampling },
      };
      const startedAtMs = performance.now();
      const [timesMs, ids] = [[], []];
      for await (const event of engine.generate(request, new AbortController().signal)) {
        if (event.type !== 'delta') continue;
        const now = performance.now();
        for (const id of event.tokenIds) {
          timesMs.push(now);
          ids.push(id);
          onToken();
        }
        if (ids.length >= take) break;
      }
      return { startedAtMs, timesMs, ids };
    },
    close: () => engine.close(),
  };
}
