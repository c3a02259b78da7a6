import { Worker } from 'node:worker_threads';
import type { SequenceName, StepOutput, StepStats } from '../core/step-output.js';
import type { ModelLoad, ModelShape } from '../engine.js';
import { EngineError } from '../engine-error.js';
import type { GroupRequest } from '../scheduling/group-request.js';
import {
  type EngineCommand,
  fromWireError,
  type WorkerEvent,
  type WorkerOptions,
} from '../worker/messages.js';
import { toAbortError } from './abortable.js';
import { AdmissionPace } from './admission-pace.js';
import type { GroupListener } from './group-listener.js';
import { StepWatchdog } from './step-watchdog.js';

// Node runs a worker's entry itself, so it is always the built one: this path leads from src/ and from dist/ alike
// to the package's dist/.
const ENTRY = new URL('../../../dist/engine/worker/engine-worker.js', import.meta.url);

/** Who is told of a worker's life. */
export interface ModelWorkerListeners {
  /** After each step. */
  readonly onStep: (stats: StepStats) => void;
  /** While weights are quantized: what share is done, in [0, 1]. */
  readonly onProgress: (share: number) => void;
  /** When the worker ends without {@link ModelWorker.close}: why. */
  readonly onEnd: (error: EngineError) => void;
  /** When {@link ModelWorker.isStuck} has changed. */
  readonly onStuckChange: () => void;
}

/** The main thread's end of one model's worker: spawns it, and routes what it says to the requests' listeners. */
export class ModelWorker {
  /** Fulfilled with the model's shape once it is in memory; rejected with MODEL_LOAD_FAILED, or the reason of an end. */
  readonly loaded: Promise<ModelShape>;
  readonly #worker: Worker;
  /** Of the requests that have not ended, by id. */
  readonly #listeners = new Map<number, GroupListener>();
  readonly #exited: Promise<void>;
  readonly #pace = new AdmissionPace();
  readonly #watchdog: StepWatchdog;
  readonly #onStepStats: (stats: StepStats) => void;
  /** Requests that were handed over, ever. */
  #numAdds = 0;
  #load: ModelLoad | undefined;
  #ended: EngineError | undefined;
  #rejectLoaded: (error: EngineError) => void = () => {};

  /** Starts the worker. */
  constructor(options: WorkerOptions, { onStep, onProgress, onEnd, onStuckChange }: ModelWorkerListeners) {
    this.#onStepStats = onStep;
    this.#watchdog = new StepWatchdog(options.stepLimitMs, onStuckChange);
    this.#worker = new Worker(ENTRY, { workerData: options });
    this.loaded = new Promise((resolve, reject) => {
      this.#rejectLoaded = reject;
      const end = (error: EngineError) => {
        if (this.#ended !== undefined) return;
        this.#ended = error;
        this.#watchdog.stop();
        reject(error);
        this.#failAll(error);
        onEnd(error);
      };
      this.#worker.on('message', (event: WorkerEvent) => {
        if (event.type === 'loaded') {
          this.#load = event.load;
          resolve(event.shape);
        } else if (event.type === 'failed') end(fromWireError(event.error));
        else if (event.type === 'progress') onProgress(event.share);
        else this.#onEvent(event);
      });
      this.#worker.on('error', (cause) => end(crashed(cause)));
      this.#worker.on('exit', () => end(crashed()));
    });
    // Whoever asked for the load hears of a failure; without a listener it must not end the process.
    this.loaded.catch(() => {});
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
  }

  /** What the model was doing after its last step; undefined until it is loaded. */
  get load(): ModelLoad | undefined {
    return this.#load;
  }

  /** Whether it has work and makes no progress. */
  get isStuck(): boolean {
    return this.#watchdog.isStuck;
  }

  /** How long a sequence that is handed over now waits for its turn, at least, as far as is known. Milliseconds. */
  get leastWaitMs(): number {
    return this.#pace.leastWaitMs(performance.now());
  }

  /**
   * Hands a request to the worker, and tells the listener what becomes of it. Aborting the signal fails it at once, also
   * while its reader is busy elsewhere.
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
    await this.#exited;
  }

  #add(request: GroupRequest, listener: GroupListener): void {
    this.#listeners.set(request.id, listener);
    this.#numAdds++;
    this.#watchdog.expect();
    this.#post({ type: 'add', request });
  }

  #end(id: number): void {
    if (this.#listeners.delete(id)) this.#post({ type: 'abort', id });
  }

  #onEvent(event: Extract<WorkerEvent, { type: 'refused' | 'step' | 'idle' }>): void {
    if (event.type === 'idle') {
      this.#load = event.load;
    } else if (event.type === 'refused') {
      const listener = this.#listeners.get(event.id);
      this.#listeners.delete(event.id);
      listener?.fail(fromWireError(event.error));
    } else {
      this.#load = event.load;
      this.#pace.step(event.output.started.length, event.load.waitingRequests, performance.now());
      this.#onStepStats(event.output.stats);
      this.#onStep(event.output);
    }
    // A request that the worker has not heard of yet is owed a step, whatever it says of those before.
    this.#watchdog.alive(event.type !== 'idle' || event.numAdds !== this.#numAdds);
  }

  #onStep({ started, outputs, atMs }: StepOutput): void {
    // Whoever is not there has ended while the step ran.
    for (const sequence of started) this.#listeners.get(sequence.groupId)?.start(sequence);
    for (const output of outputs) this.#listeners.get(output.groupId)?.take(output, atMs);
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

function crashed(cause?: unknown): EngineError {
  return new EngineError(
    'ENGINE_UNAVAILABLE',
    "The model's worker ended unexpectedly; the next request restarts it.",
    {
      cause,
      retryAfterMs: 1000,
    },
  );
}
