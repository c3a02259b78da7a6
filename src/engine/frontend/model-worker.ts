import { Worker } from 'node:worker_threads';
import type { SequenceName, StepOutput, StepStats } from '../core/step-output.js';
import type { ModelLoad, ModelShape } from '../engine.js';
import type { EngineError } from '../engine-error.js';
import '../no-telemetry.js';
import type { GroupRequest } from '../scheduling/group-request.js';
import {
  type EngineCommand,
  fromWireError,
  type WorkerEvent,
  type WorkerLoad,
  type WorkerOptions,
} from '../worker/messages.js';
import { toAbortError } from './abortable.js';
import type { GroupListener } from './group-listener.js';
import { crashed, hung } from './model-errors.js';
import type { QueueLimits } from './queue-gate.js';
import { StepWatchdog } from './step-watchdog.js';
import { type Evicted, WorkerQueue } from './worker-queue.js';

// Node runs a worker's entry itself, so it is always the built one: this path leads from src/ and from dist/ alike
// to the package's dist/.
const ENTRY = new URL('../../../dist/engine/worker/engine-worker.js', import.meta.url);

/** A step leaves little garbage: V8's own limit is memory that is filled and never needed (docs/engine.md, "Memory"). */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 3 };

/** How a model's worker is run. */
export interface ModelWorkerOptions {
  readonly worker: WorkerOptions;
  readonly queue: QueueLimits;
  /** The longest that a request is predicted to wait for its turn; one that would wait longer is refused. Milliseconds. */
  readonly maxWaitMs: number;
}

/** Who is told of a worker's life. */
export interface ModelWorkerListeners {
  /** After each step. */
  readonly onStep: (stats: StepStats) => void;
  /** While weights are quantized: what share is done, in [0, 1]. */
  readonly onProgress: (share: number) => void;
  /** When the worker ends, or is given up, without {@link ModelWorker.close}: why. */
  readonly onEnd: (error: EngineError) => void;
  /** When it was given up: it still holds its memory and cores, and frees them if its step ever comes to its end. */
  readonly onHung: () => void;
  /** When {@link ModelWorker.isStuck} or {@link ModelWorker.isQueueFull} has changed. */
  readonly onChange: () => void;
}

/** The main thread's end of one model's worker: spawns it, and routes what it says to the requests' listeners. */
export class ModelWorker {
  /** Fulfilled with the model's shape once it is in memory; rejected with MODEL_LOAD_FAILED, or the reason of an end. */
  readonly loaded: Promise<ModelShape>;
  /** Fulfilled once the thread has ended, and with it has freed its memory. */
  readonly exited: Promise<void>;
  readonly #worker: Worker;
  /** Of the requests that have not ended, by id. */
  readonly #listeners = new Map<number, GroupListener>();
  readonly #told: ModelWorkerListeners;
  readonly #queue: WorkerQueue;
  readonly #watchdog: StepWatchdog;
  /** Requests that were handed over, ever. */
  #numAdds = 0;
  #load: WorkerLoad | undefined;
  #ended: EngineError | undefined;
  #rejectLoaded: (error: EngineError) => void = () => {};

  /** Starts the worker. */
  constructor(
    { worker: options, queue: limits, maxWaitMs }: ModelWorkerOptions,
    listeners: ModelWorkerListeners,
  ) {
    const { stepLimitMs } = options;
    this.#told = listeners;
    const { onChange } = listeners;
    this.#queue = new WorkerQueue({ limits, maxWaitMs, onChange });
    this.#watchdog = new StepWatchdog(stepLimitMs, {
      onChange,
      onGiveUp: () => this.#giveUp(stepLimitMs),
    });
    this.#worker = new Worker(ENTRY, { workerData: options, resourceLimits: RESOURCE_LIMITS });
    this.loaded = new Promise((resolve, reject) => {
      this.#rejectLoaded = reject;
      this.#worker.on('message', (event: WorkerEvent) => {
        if (event.type === 'loaded') {
          this.#load = event.load;
          resolve(event.shape);
        } else if (event.type === 'failed') this.#lose(fromWireError(event.error));
        else if (event.type === 'progress') listeners.onProgress(event.share);
        else if (this.#ended === undefined) this.#onEvent(event);
      });
      this.#worker.on('error', (cause) => this.#lose(crashed(cause)));
      this.#worker.on('exit', () => this.#lose(crashed()));
    });
    // Whoever asked for the load hears of a failure; without a listener it must not end the process.
    this.loaded.catch(() => {});
    this.exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
  }

  /** What the model was doing after its last step, and who waits now; undefined until it is loaded. */
  get load(): ModelLoad | undefined {
    const { numWaiting: waitingRequests, waitMs: predictedWaitMs } = this.#queue;
    return this.#load && { ...this.#load, waitingRequests, predictedWaitMs };
  }

  /** Whether it has work and makes no progress. */
  get isStuck(): boolean {
    return this.#watchdog.isStuck;
  }

  /** Whether its queue has refused a request, and is still nearly as long. */
  get isQueueFull(): boolean {
    return this.#queue.isFull;
  }

  /** How long a tenant's request that is handed over now waits for its turn, as far as is known. Milliseconds. */
  leastWaitMs(tenant = ''): number {
    return this.#queue.leastWaitMs(tenant);
  }

  /**
   * Refuses a tenant's request, however short, where the queue has no room for it, or takes too long: before any work is
   * done for it.
   *
   * @throws EngineError QUEUE_FULL.
   */
  refuseIfFull(tenant = ''): void {
    this.#queue.refuseIfFull(tenant);
  }

  /**
   * Hands a request to the worker where the queue has room for it, and tells the listener what becomes of it. Aborting
   * the signal fails it at once, also while its reader is busy elsewhere.
   *
   * @returns Ends the request, whether or not it has ended by itself, and lets go of the signal; call it in any case.
   */
  run(request: GroupRequest, listener: GroupListener, signal: AbortSignal): () => void {
    const onAbort = () => {
      listener.fail(toAbortError(signal));
      this.#end(request.id);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) listener.fail(toAbortError(signal));
    else if (this.#ended !== undefined) listener.fail(this.#ended);
    else this.#add(request, listener);
    return () => {
      signal.removeEventListener('abort', onAbort);
      this.#end(request.id);
    };
  }

  /** Ends one of a request's sequences. */
  stop(name: SequenceName): void {
    this.#post({ type: 'stop', ...name });
  }

  /** Lets a step under way end, then frees the model; requests that are left fail with `reason`. */
  async close(reason: EngineError): Promise<void> {
    this.#ended ??= reason;
    this.#rejectLoaded(reason);
    this.#watchdog.stop();
    this.#failAll(reason);
    this.#post({ type: 'close' });
    await this.exited;
  }

  #add(request: GroupRequest, listener: GroupListener): void {
    const entry = this.#queue.enter(request);
    if ('refusal' in entry) {
      listener.fail(entry.refusal);
      return;
    }
    for (const evicted of entry.evicted) this.#evict(evicted);
    this.#listeners.set(request.id, listener);
    this.#numAdds++;
    this.#watchdog.expect();
    this.#post({ type: 'add', request });
  }

  #evict({ id, refusal }: Evicted): void {
    const listener = this.#listeners.get(id);
    this.#end(id);
    listener?.fail(refusal);
  }

  #end(id: number): void {
    this.#queue.leave(id);
    if (this.#listeners.delete(id)) this.#post({ type: 'abort', id });
  }

  #onEvent(event: Extract<WorkerEvent, { type: 'step' | 'idle' }>): void {
    this.#load = event.load;
    const { waitingRequests } = event.load;
    if (event.type === 'step') {
      this.#queue.update(event.output, waitingRequests);
      this.#onStep(event.output);
    } else this.#queue.update({ started: [], outputs: [] }, waitingRequests);
    // A request that the worker has not heard of yet is owed a step, whatever it says of those before.
    this.#watchdog.alive(event.type !== 'idle' || event.numAdds !== this.#numAdds);
  }

  #onStep({ started, outputs, atMs, stats }: StepOutput): void {
    this.#told.onStep(stats);
    // Whoever is not there has ended while the step ran.
    for (const sequence of started) this.#listeners.get(sequence.groupId)?.start(sequence);
    for (const taken of outputs) this.#listeners.get(taken.groupId)?.take(taken, atMs);
  }

  /** Ends what runs, once the thread has ended or won't do anything any more. */
  #lose(error: EngineError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#watchdog.stop();
    this.#rejectLoaded(error);
    this.#failAll(error);
    this.#told.onEnd(error);
  }

  /**
   * Expects nothing of the thread any more. It is not terminated: native code can't be torn from its thread, and where
   * the thread is on its way out of it, the binding takes the whole process with it. It ends by itself if it comes back.
   */
  #giveUp(stepLimitMs: number): void {
    this.#lose(hung(stepLimitMs));
    this.#post({ type: 'close' });
    this.#told.onHung();
  }

  #failAll(error: EngineError): void {
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listener of listeners) listener.fail(error);
  }

  #post(command: EngineCommand): void {
    this.#worker.postMessage(command);
  }
}
