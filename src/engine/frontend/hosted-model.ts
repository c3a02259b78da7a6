import type { ModelInfo, ModelLoad, ModelShape, ModelState } from '../engine.js';
import { EngineError } from '../engine-error.js';
import type { WorkerOptions } from '../worker/messages.js';
import { ModelWorker } from './model-worker.js';

/** A model in memory: where to send sequences, and what fits. */
export interface ReadyModel {
  readonly worker: ModelWorker;
  readonly shape: ModelShape;
}

/** Where a model is between not in memory and in memory. */
type Residence =
  /** Never loaded, or its worker has gone since. */
  | { readonly state: 'unloaded' }
  /** Its worker reads and packs the weights; requests wait. */
  | { readonly state: 'loading'; readonly ready: Promise<ReadyModel>; readonly worker: ModelWorker }
  /** It answers. */
  | { readonly state: 'ready'; readonly ready: Promise<ReadyModel>; readonly worker: ModelWorker }
  /** The last attempt failed; the next request tries again. */
  | { readonly state: 'failed'; readonly error: EngineError };

const IDLE: ModelLoad = { runningRequests: 0, waitingRequests: 0, kvCacheUsedBytes: 0, kvCacheLimitBytes: 0 };

/** One model that the engine offers: loaded at the first request, in a worker of its own. */
export class HostedModel {
  readonly id: string;
  readonly #options: WorkerOptions;
  readonly #onChange: (model: ModelInfo) => void;
  readonly #createdAt = new Date();
  #residence: Residence = { state: 'unloaded' };
  #shape: ModelShape | undefined;
  #numAwaitingLoad = 0;
  #loadingShare: number | undefined;

  constructor(id: string, options: WorkerOptions, onChange: (model: ModelInfo) => void) {
    this.id = id;
    this.#options = options;
    this.#onChange = onChange;
  }

  get info(): ModelInfo {
    const residence = this.#residence;
    const load = ('worker' in residence && residence.worker.load) || IDLE;
    return {
      id: this.id,
      state: residence.state,
      loadingShare: residence.state === 'loading' ? this.#loadingShare : undefined,
      error: residence.state === 'failed' ? residence.error.message : undefined,
      shape: this.#shape,
      createdAt: this.#createdAt,
      isStuck: 'worker' in residence && residence.worker.isStuck,
      load: { ...load, waitingRequests: load.waitingRequests + this.#numAwaitingLoad },
    };
  }

  /**
   * Gives the model in memory, loading it first if need be. All who ask meanwhile share one attempt, and no more of
   * them than the queue takes.
   *
   * @throws EngineError MODEL_LOAD_FAILED, or QUEUE_FULL.
   */
  async ready(): Promise<ReadyModel> {
    const residence = this.#residence;
    if (residence.state === 'ready') return residence.ready;
    const { maxRunning, maxWaiting } = this.#options;
    if (this.#numAwaitingLoad >= maxRunning + maxWaiting)
      throw loadingQueueFull(this.id, this.#numAwaitingLoad);
    this.#numAwaitingLoad++;
    try {
      return await (residence.state === 'loading' ? residence.ready : this.#startLoading());
    } finally {
      this.#numAwaitingLoad--;
    }
  }

  /** Frees the worker; requests that are left fail with `reason`. */
  async close(reason: EngineError): Promise<void> {
    const residence = this.#residence;
    if (!('worker' in residence)) return;
    this.#enter({ state: 'unloaded' });
    await residence.worker.close(reason);
  }

  #startLoading(): Promise<ReadyModel> {
    this.#loadingShare = undefined;
    const worker = new ModelWorker(this.#options, {
      onProgress: (share) => {
        this.#loadingShare = share;
        this.#onChange(this.info);
      },
      onStuckChange: () => this.#onChange(this.info),
      onEnd: (error) => {
        // A model that never came is failed; one that was there can be loaded again.
        if (this.#is('loading', worker)) this.#enter({ state: 'failed', error });
        else if (this.#is('ready', worker)) this.#enter({ state: 'unloaded' });
      },
    });
    const ready = worker.loaded.then((shape) => {
      this.#shape = shape;
      if (this.#is('loading', worker)) this.#enter({ state: 'ready', ready, worker });
      return { worker, shape };
    });
    this.#enter({ state: 'loading', ready, worker });
    return ready;
  }

  #is(state: ModelState, worker: ModelWorker): boolean {
    const residence = this.#residence;
    return residence.state === state && 'worker' in residence && residence.worker === worker;
  }

  #enter(residence: Residence): void {
    this.#residence = residence;
    this.#onChange(this.info);
  }
}

function loadingQueueFull(id: string, numWaiting: number): EngineError {
  return new EngineError(
    'QUEUE_FULL',
    `${numWaiting} requests wait for model "${id}" to load. Try again later.`,
    {
      metadata: { model: id, waitingRequests: String(numWaiting) },
      retryAfterMs: 1000,
    },
  );
}
