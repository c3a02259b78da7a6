import { openEngine } from './engine-system.mjs';
import { interleave } from './rounds.mjs';
import { openService } from './service-system.mjs';

/**
 * What a workload gets: systems to measure, opened when they are first asked for and kept for the next workload, and the
 * way to measure them.
 *
 * @param options `directory` of the checkpoint, `cacheDirectory` for quantized weights, `precisions`, `numThreads`,
 *   `rounds`, `limitMs` of one workload's rounds, and `scale`, which shortens every text (1 measures, 0.05 only runs)
 */
export function createContext({ scale, rounds, limitMs, ...options }) {
  const { directory, cacheDirectory, numThreads } = options;
  const open = new Map();
  const keep = async (key, opening) => {
    if (!open.has(key)) open.set(key, await opening());
    return open.get(key);
  };
  const engineOptions = (precision) => ({ directory, cacheDirectory, numThreads, precision });
  return {
    ...options,
    /** A number of tokens or requests, at scale. */
    scaled: (count, least = 2) => Math.max(Math.min(count, least), Math.round(count * scale)),
    engineOptions,
    engine: (precision, { lookup = false } = {}) =>
      keep(`engine ${precision} ${lookup}`, () => openEngine({ ...engineOptions(precision), lookup })),
    service: (precision) => keep(`service ${precision}`, () => openService(engineOptions(precision))),
    /** Measures in turn (rounds.mjs), in at most as many rounds as are asked for here and on the command line. */
    interleave(measures, { maxRounds = rounds, warmUp = true } = {}) {
      const startedAt = performance.now();
      const mayBegin = () => performance.now() - startedAt < limitMs;
      return interleave(measures, { rounds: Math.min(rounds, maxRounds), mayBegin, warmUp });
    },
    async close() {
      for (const system of open.values()) await system.close();
      open.clear();
    },
  };
}
