import { availableParallelism, homedir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Engine, Precision } from './engine.js';
import { MemoryBudget } from './frontend/memory-budget.js';
import { WorkerEngine } from './frontend/worker-engine.js';
import type { EngineObserver } from './observer.js';
import type { WorkerOptions } from './worker/messages.js';

/** What of the memory is for models where nobody says how much. */
const USABLE_SHARE = 0.8;

/** A model to offer. */
export interface ModelSource {
  /** The name that requests use. */
  readonly id: string;
  /** A Hugging Face GPT-2 checkpoint folder. */
  readonly directory: string;
}

/** How an engine is set up. Every number has a default. */
export interface EngineOptions {
  /** At least one; the first is the default model. */
  readonly models: readonly ModelSource[];
  /** How the matrices are stored and multiplied. Default 'i8'. */
  readonly precision?: Precision | undefined;
  /** Where quantized weights are kept. Default `linnet` in `XDG_CACHE_HOME`, or in `~/.cache`. */
  readonly cacheDirectory?: string | undefined;
  /**
   * Makes every token's bits independent of what else runs, at 'q4' too, where that costs a lone stream some speed. At
   * the other precisions it is so anyway. Default false.
   */
  readonly deterministic?: boolean | undefined;
  /**
   * Lets one or two streams guess their next tokens from their own text, which is faster where text repeats itself.
   * Tokens computed together round differently from one by one, so bits may differ from those without. Default false.
   */
  readonly lookup?: boolean | undefined;
  /** Threads that compute one step, at least 1. Default: one for each core that the process may use. */
  readonly numThreads?: number | undefined;
  /** The budget of each model's KV cache in bytes, at least one sequence of full length. Default 1 GiB. */
  readonly kvCacheBytes?: number | undefined;
  /**
   * What all models together may take, weights and KV caches, in bytes. Where it is short, the model that has been idle
   * longest is unloaded. Default: four fifths of what the process may use, and then one model alone is always let in.
   */
  readonly memoryBytes?: number | undefined;
  /** How long a model that nobody uses stays in memory. Milliseconds. Default: as long as there is room. */
  readonly idleLimitMs?: number | undefined;
  /** How long a request waits for memory that other models use. Milliseconds. Default 30,000. */
  readonly memoryWaitLimitMs?: number | undefined;
  /** The wait before models are tried again where none can serve, or one was lost; it doubles up to 60 times that. Default 1000. */
  readonly loadRetryDelayMs?: number | undefined;
  /** The most requests of a model that run at a time. Default 64. */
  readonly maxRunning?: number | undefined;
  /** The most requests of a model that wait. Default 512. */
  readonly maxWaiting?: number | undefined;
  /** The most prompt tokens of a model's requests that wait. Default 131,072. */
  readonly maxWaitingTokens?: number | undefined;
  /** The longest that a request is predicted to wait for its turn; one that would wait longer is refused. Default 30,000. */
  readonly maxWaitMs?: number | undefined;
  /** How long a step may take before its model counts as stuck; after three times that its requests fail. Milliseconds. Default 10,000. */
  readonly stepLimitMs?: number | undefined;
  /** Hears what the engine does. Default: nobody. */
  readonly observer?: EngineObserver | undefined;
  /**
   * Is told the id of a model whose worker hangs, once its requests have failed. Native code can't be ended: unless its
   * step comes to its end after all, only the end of the process frees memory and cores, and lets the model be loaded
   * again. Default: nobody.
   */
  readonly onHung?: ((model: string) => void) | undefined;
}

/** Makes an engine. Nothing is loaded until the first request, or {@link Engine.load}. */
export function createEngine(options: EngineOptions): Engine {
  const { models, memoryBytes, memoryWaitLimitMs = 30_000, idleLimitMs = Number.POSITIVE_INFINITY } = options;
  const { loadRetryDelayMs = 1000, observer, onHung } = options;
  const defaults: Omit<WorkerOptions, 'directory'> = {
    precision: 'i8',
    cacheDirectory: join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'linnet'),
    deterministic: false,
    lookup: false,
    numThreads: availableParallelism(),
    kvCacheBytes: 2 ** 30,
    maxRunning: 64,
    stepLimitMs: 10_000,
  };
  const budget = new MemoryBudget({
    limitBytes: memoryBytes ?? Math.floor(usableBytes() * USABLE_SHARE),
    admitsOne: memoryBytes === undefined,
    waitLimitMs: memoryWaitLimitMs,
  });
  const worker = Object.fromEntries(
    Object.entries(defaults).map(([key, value]) => [key, options[key as keyof EngineOptions] ?? value]),
  ) as typeof defaults;
  const { maxWaiting = 512, maxWaitingTokens = 131_072, maxWaitMs = 30_000 } = options;
  const queue = { maxRunning: worker.maxRunning, maxWaiting, maxWaitingTokens };
  const hosting = { worker, queue, maxWaitMs, budget, idleLimitMs, observer, onHung };
  return new WorkerEngine(models, { ...hosting, loadRetryDelayMs });
}

/** What the process may use: the machine's memory, or what its container allows. */
function usableBytes(): number {
  const allowed = process.constrainedMemory() ?? 0;
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
}
