import type { ModelInfo, ModelLoad, ModelShape } from '../engine.js';
import { EngineError } from '../engine-error.js';
import { estimateModelBytes } from '../model/model-memory.js';
import type { EngineObserver } from '../observer.js';
import type { WorkerOptions } from '../worker/messages.js';
import { abortable } from './abortable.js';
import { LoadPace } from './load-pace.js';
import type { MemoryBudget, Resident } from './memory-budget.js';
import { busy, evicted, loadingQueueFull } from './model-errors.js';
import { ModelWorker } from './model-worker.js';
import type { QueueLimits } from './queue-gate.js';
import type { ModelLease, ReadyModel, Residence } from './residence.js';

/** How a model is hosted. */
export interface HostingOptions {
  readonly worker: WorkerOptions;
  readonly queue: QueueLimits;
  /** The longest that a request is predicted to wait for its turn; one that would wait longer is refused. Milliseconds. */
  readonly maxWaitMs: number;
  readonly budget: MemoryBudget;
  /** How long a model that nobody uses stays in memory. Milliseconds; Infinity for as long as there is room. */
  readonly idleLimitMs: number;
  /** Called after each change of state. */
  readonly onChange: (model: ModelInfo) => void;
  readonly observer: EngineObserver | undefined;
  /** Called with the id of a model whose worker hangs, once its requests have failed. */
  readonly onHung: ((model: string) => void) | undefined;
}

const IDLE: ModelLoad = {
  ...{ runningRequests: 0, waitingRequests: 0, predictedWaitMs: 0 },
  ...{ kvCacheUsedBytes: 0, kvCacheLimitBytes: 0 },
};
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * One model that the engine offers: loaded at the first request, in a worker of its own, and unloaded when nobody has
 * used it for a while or another one needs the memory.
 */
export class HostedModel implements Resident {
  readonly id: string;
  readonly #options: HostingOptions;
  readonly #createdAt = new Date();
  readonly #closing = new AbortController();
  #residence: Residence = { state: 'unloaded' };
  /** Why the last attempt to load it failed, or its worker was lost; undefined once an attempt has succeeded. */
  #failure: EngineError | undefined;
  #isLost = false;
  #shape: ModelShape | undefined;
  readonly #pace = new LoadPace();
  #numAwaitingLoad = 0;
  #numLeases = 0;
  #usedAtMs = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(id: string, options: HostingOptions) {
    this.id = id;
    this.#options = options;
  }

  get info(): ModelInfo {
    const { state } = this.#residence;
    const load = this.#worker?.load ?? IDLE;
    return {
      id: this.id,
      state: state === 'unloading' ? 'unloaded' : state,
      loadingShare: state === 'loading' ? this.#pace.share : undefined,
      error: this.#failure?.message,
      shape: this.#shape,
      createdAt: this.#createdAt,
      memoryBytes: this.#options.budget.bytesOf(this),
      isStuck: this.#isStuck,
      isQueueFull: this.#isQueueFull,
      load: { ...load, waitingRequests: load.waitingRequests + this.#numAwaitingLoad },
    };
  }

  /** Whether its worker has ended by itself since it was last loaded: it was in use, and is wanted again. */
  get isLost(): boolean {
    return this.#isLost;
  }

  get idleSinceMs(): number | undefined {
    const isIdle = this.#residence.state === 'ready' && this.#numLeases + this.#numAwaitingLoad === 0;
    return isIdle ? this.#usedAtMs : undefined;
  }

  /**
   * Gives the model in memory, loading it first if need be. All who ask meanwhile share one attempt, and no more of
   * them than the queue takes.
   *
   * @throws EngineError MODEL_LOAD_FAILED, or QUEUE_FULL; where the signal aborts, as a request ends then.
   */
  async acquire(signal: AbortSignal): Promise<ModelLease> {
    if (this.#residence.state !== 'ready' && this.#isQueueFull)
      throw loadingQueueFull(this.info, this.#pace.remainingMs(performance.now()));
    this.#numAwaitingLoad++;
    try {
      const model = await abortable(this.#ready(), signal);
      this.#numLeases++;
      const release = () => {
        this.#numLeases--;
        this.#settle();
      };
      return { ...model, release };
    } finally {
      this.#numAwaitingLoad--;
      this.#settle();
    }
  }

  /**
   * Frees the memory, unless it is not held.
   *
   * @throws EngineError MODEL_BUSY while requests use it, or it is being loaded.
   */
  async unload(): Promise<void> {
    const residence = this.#residence;
    if (residence.state === 'unloading') return residence.done;
    if (residence.state === 'ready' && this.idleSinceMs !== undefined)
      await this.#end(residence.model.worker, evicted(this.id));
    else if (residence.state === 'ready' || residence.state === 'loading') throw busy(this.id);
  }

  /** Frees the worker, for good; requests that are left fail with `reason`. */
  async close(reason: EngineError): Promise<void> {
    this.#closing.abort(reason);
    const residence = this.#residence;
    if (residence.state === 'unloading') await residence.done;
    else if (this.#worker !== undefined) await this.#end(this.#worker, reason);
  }

  get #worker(): ModelWorker | undefined {
    const residence = this.#residence;
    if (residence.state === 'ready') return residence.model.worker;
    return residence.state === 'loading' ? residence.worker : undefined;
  }

  get #isStuck(): boolean {
    const residence = this.#residence;
    const worker = residence.state === 'unloading' ? residence.worker : this.#worker;
    return worker?.isStuck ?? false;
  }

  get #isQueueFull(): boolean {
    const { maxRunning, maxWaiting } = this.#options.queue;
    return (this.#worker?.isQueueFull ?? false) || this.#numAwaitingLoad >= maxRunning + maxWaiting;
  }

  async #ready(): Promise<ReadyModel> {
    for (;;) {
      const residence = this.#residence;
      if (residence.state === 'ready') return residence.model;
      if (residence.state === 'loading') return residence.ready;
      if (residence.state === 'unloading') await residence.done;
      else return this.#startLoading();
    }
  }

  #startLoading(): Promise<ReadyModel> {
    this.#pace.start(performance.now());
    const ready = this.#load();
    // Whoever asked for it hears of a failure; they may all have left.
    ready.catch(() => {});
    this.#enter({ state: 'loading', ready, worker: undefined });
    return ready;
  }

  async #load(): Promise<ReadyModel> {
    const { worker: options, budget } = this.#options;
    try {
      const bytes = (await estimateModelBytes(options.directory, options.precision)) + options.kvCacheBytes;
      await budget.reserve(this, bytes, this.#closing.signal);
      const model = await this.#startWorker();
      this.#pace.complete(performance.now());
      this.#failure = undefined;
      this.#isLost = false;
      this.#shape = model.shape;
      this.#enter({ state: 'ready', model });
      return model;
    } catch (caught) {
      budget.release(this);
      const error = EngineError.from(caught);
      // One for which there is no memory now can be loaded later, and nothing is wrong with it.
      const isForNow = error.reason === 'MODEL_LOAD_FAILED' && error.retryAfterMs !== undefined;
      if (!isForNow) this.#failure = error;
      if (this.#residence.state === 'loading') this.#enter({ state: isForNow ? 'unloaded' : 'failed' });
      throw error;
    }
  }

  async #startWorker(): Promise<ReadyModel> {
    const worker = new ModelWorker(this.#options, {
      onStep: (stats) => this.#options.observer?.onStep(this.id, stats),
      onProgress: (share) => {
        this.#pace.advance(share);
        this.#options.onChange(this.info);
      },
      onChange: () => this.#options.onChange(this.info),
      onHung: () => this.#options.onHung?.(this.id),
      onEnd: (error) => {
        // Of one that never came, `loaded` tells.
        if (this.#residence.state === 'ready' && this.#worker === worker) this.#lose(worker, error);
      },
    });
    if (this.#residence.state === 'loading') this.#residence.worker = worker;
    return { worker, shape: await worker.loaded };
  }

  /** Ends a worker, and gives its memory back once it is free. */
  #end(worker: ModelWorker, reason: EngineError): Promise<void> {
    const done = worker.close(reason).then(() => {
      this.#options.budget.release(this);
      this.#enter({ state: 'unloaded' });
    });
    // Told once it is over.
    this.#residence = { state: 'unloading', done, worker };
    return done;
  }

  /** Notes that a worker has ended by itself, and gives its memory back once it is free. */
  #lose(worker: ModelWorker, error: EngineError): void {
    this.#failure = error;
    this.#isLost = true;
    const done = worker.exited.then(() => {
      this.#options.budget.release(this);
      this.#enter({ state: 'failed' });
    });
    this.#enter({ state: 'unloading', done, worker });
  }

  /** Notices that nobody uses the model any more. */
  #settle(): void {
    clearTimeout(this.#idleTimer);
    this.#usedAtMs = performance.now();
    if (this.idleSinceMs === undefined) return;
    const { idleLimitMs, budget } = this.#options;
    if (idleLimitMs <= MAX_TIMER_MS) {
      this.#idleTimer = setTimeout(() => {
        if (this.idleSinceMs !== undefined) void this.unload();
      }, idleLimitMs).unref();
    }
    budget.notify();
  }

  #enter(residence: Residence): void {
    this.#residence = residence;
    this.#options.onChange(this.info);
  }
}
