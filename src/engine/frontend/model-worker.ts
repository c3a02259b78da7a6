import { Worker } from 'node:worker_threads';
import type { StepOutput } from '../core/engine-core.js';
import type { ModelLoad, ModelShape } from '../engine.js';
import { EngineError } from '../engine-error.js';
import type { SequenceRequest } from '../scheduling/sequence.js';
import {
  type EngineCommand,
  fromWireError,
  type WorkerEvent,
  type WorkerOptions,
} from '../worker/messages.js';
import { AdmissionPace } from './admission-pace.js';
import type { RequestStream } from './request-stream.js';

// Node runs a worker's entry itself, so it is always the built one: this path leads from src/ and from dist/ alike
// to the package's dist/.
const ENTRY = new URL('../../../dist/engine/worker/engine-worker.js', import.meta.url);

/** Who is told of a worker's life. */
export interface ModelWorkerListeners {
  /** While weights are quantized: what share is done, in [0, 1]. */
  readonly onProgress: (share: number) => void;
  /** When the worker ends without {@link ModelWorker.close}: why. */
  readonly onEnd: (error: EngineError) => void;
}

/** The main thread's end of one model's worker: spawns it, and routes what it says to the requests' streams. */
export class ModelWorker {
  /** Fulfilled with the model's shape once it is in memory; rejected with MODEL_LOAD_FAILED. */
  readonly loaded: Promise<ModelShape>;
  readonly #worker: Worker;
  readonly #streams = new Map<number, RequestStream>();
  readonly #exited: Promise<void>;
  readonly #pace = new AdmissionPace();
  #load: ModelLoad | undefined;
  #ended: EngineError | undefined;

  /** Starts the worker. */
  constructor(options: WorkerOptions, { onProgress, onEnd }: ModelWorkerListeners) {
    this.#worker = new Worker(ENTRY, { workerData: options });
    this.loaded = new Promise((resolve, reject) => {
      const end = (error: EngineError) => {
        if (this.#ended !== undefined) return;
        this.#ended = error;
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

  /** How long a sequence that is handed over now waits for its turn, at least, as far as is known. Milliseconds. */
  get leastWaitMs(): number {
    return this.#pace.leastWaitMs(performance.now());
  }

  /** Hands a sequence to the worker; its tokens go to the stream. */
  add(request: SequenceRequest, stream: RequestStream): void {
    if (this.#ended !== undefined) {
      stream.fail(this.#ended);
      return;
    }
    this.#streams.set(request.id, stream);
    this.#post({ type: 'add', request });
  }

  /** Ends a sequence, unless it has ended; its stream gets nothing more. */
  abort(id: number): void {
    if (this.#streams.delete(id)) this.#post({ type: 'abort', id });
  }

  /** Lets a step under way end, then frees the model; streams that are left fail with `reason`. */
  async close(reason: EngineError): Promise<void> {
    this.#ended ??= reason;
    this.#failAll(reason);
    this.#post({ type: 'close' });
    await this.#exited;
  }

  #onEvent(event: Extract<WorkerEvent, { type: 'refused' | 'step' }>): void {
    if (event.type === 'refused') {
      const stream = this.#streams.get(event.id);
      this.#streams.delete(event.id);
      stream?.fail(fromWireError(event.error));
    } else {
      this.#load = event.load;
      this.#pace.step(event.output.started.length, event.load.waitingRequests, performance.now());
      this.#onStep(event.output);
    }
  }

  #onStep({ started, sampled, atMs }: StepOutput): void {
    for (const { id, cachedTokens, queueMs, firstStepAtMs } of started) {
      this.#streams.get(id)?.accept({ cachedTokens, queueMs, firstStepAtMs });
    }
    for (const { id, tokenIds, finishReason } of sampled) {
      const stream = this.#streams.get(id);
      if (stream === undefined) continue; // aborted while the step ran
      if (finishReason !== undefined) this.#streams.delete(id);
      if (finishReason === 'stop') {
        // The token that stops is told apart: it has no text.
        const stopTokenId = tokenIds.at(-1)!;
        stream.push(tokenIds.slice(0, -1), atMs);
        stream.finish({ finishReason, stopTokenId, atMs });
        continue;
      }
      stream.push(tokenIds, atMs);
      if (finishReason === 'length') stream.finish({ finishReason });
    }
  }

  #failAll(error: EngineError): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.fail(error);
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
