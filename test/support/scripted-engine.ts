import {
  type Engine,
  EngineError,
  type GenerateEvent,
  type GenerateRequest,
  type ModelInfo,
  type ModelState,
} from '../../src/engine/index.js';
import { defer } from './defer.js';

/** One call of `generate`: the test emits its events, and sees how it ended. */
export class Generation {
  readonly request: GenerateRequest;
  readonly signal: AbortSignal;
  /** Emits an event for each pull, once what was emitted is used up. */
  source: (() => GenerateEvent) | undefined;
  /** How many events were pulled. */
  pulled = 0;
  readonly #ended = defer<void>();
  readonly #queue: (GenerateEvent | Error)[] = [];
  #wake = defer<void>();

  constructor(request: GenerateRequest, signal: AbortSignal) {
    this.request = request;
    this.signal = signal;
  }

  /** Resolves when the stream's `finally` has run. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Emits events, or fails with an error in place of one. */
  emit(...events: (GenerateEvent | Error)[]): void {
    this.#queue.push(...events);
    this.#wake.resolve();
  }

  async *events(): AsyncGenerator<GenerateEvent> {
    const onAbort = () => this.#wake.resolve();
    this.signal.addEventListener('abort', onAbort);
    try {
      for (;;) {
        if (this.signal.aborted) throw abortReason(this.signal);
        const event = this.#queue.shift() ?? this.source?.();
        if (event === undefined) {
          this.#wake = defer();
          await this.#wake.promise;
          continue;
        }
        if (event instanceof Error) throw event;
        this.pulled += 1;
        yield event;
        if (event.type === 'finished') return;
      }
    } finally {
      this.signal.removeEventListener('abort', onAbort);
      this.#ended.resolve();
    }
  }
}

/** An engine without a model: what it streams is emitted by the test, one `Generation` for each request. */
export class ScriptedEngine implements Engine {
  readonly generations: Generation[] = [];
  /** Called with each generation when it is first read; by default the test takes it from `next`. */
  script: ((generation: Generation) => void) | undefined;
  readonly #listeners = new Set<(model: ModelInfo) => void>();
  #model = modelInfo('unloaded');
  #nextGeneration = defer<Generation>();

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
    const generation = new Generation(request, signal);
    this.generations.push(generation);
    this.script?.(generation);
    this.#nextGeneration.resolve(generation);
    this.#nextGeneration = defer();
    yield* generation.events();
  }

  /** Resolves with the next request that arrives; call it before that. */
  next(): Promise<Generation> {
    return this.#nextGeneration.promise;
  }

  models(): readonly ModelInfo[] {
    return [this.#model];
  }

  async load(): Promise<void> {
    this.setState('ready');
  }

  onStateChange(listener: (model: ModelInfo) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get numListeners(): number {
    return this.#listeners.size;
  }

  setState(state: ModelState, isStuck = false): void {
    this.#model = { ...modelInfo(state), isStuck };
    for (const listener of this.#listeners) listener(this.#model);
  }

  async close(): Promise<void> {}
}

export function accepted(): GenerateEvent {
  return {
    type: 'accepted',
    model: 'test-model',
    systemFingerprint: 'fp_test',
    promptTokens: 5,
    cachedTokens: 2,
  };
}

export function delta(text: string): GenerateEvent {
  return { type: 'delta', text, tokenIds: [64], tokenBytes: Buffer.from(text) };
}

export function finished(): GenerateEvent {
  return {
    type: 'finished',
    finishReason: 'length',
    stop: undefined,
    usage: { promptTokens: 5, completionTokens: 3, cachedTokens: 2, acceptedPredictionTokens: 1 },
    timings: { queueMs: 1, prefillMs: 2, decodeMs: 3 },
  };
}

function abortReason(signal: AbortSignal): EngineError {
  return signal.reason instanceof EngineError ? signal.reason : new EngineError('CANCELLED', 'Aborted.');
}

function modelInfo(state: ModelState): ModelInfo {
  return {
    id: 'test-model',
    state,
    error: state === 'failed' ? 'model.safetensors: cut short' : undefined,
    shape: {
      contextLength: 1024,
      vocabSize: 50257,
      numLayers: 12,
      numHeads: 12,
      hiddenSize: 768,
      numParameters: 124_439_808,
      precision: 'f32',
      fingerprint: 'fp_test',
    },
    isStuck: false,
    createdAt: new Date('2026-01-02T03:04:05.678Z'),
    load: { runningRequests: 1, waitingRequests: 2, kvCacheUsedBytes: 3, kvCacheLimitBytes: 2 ** 33 },
  };
}
