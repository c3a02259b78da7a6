import {
  type AcceptedEvent,
  type DeltaEvent,
  type Detokenization,
  type Engine,
  EngineError,
  type FinishedEvent,
  type GenerateEvent,
  type GenerateRequest,
  type ModelInfo,
  type ModelState,
  type ScoreRequest,
  type ScoreResult,
  type Tokenization,
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
    let numLeft = this.request.prompts.length * this.request.n;
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
        if (event.type === 'finished' && --numLeft === 0) return;
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
  /** What `score`, `tokenize` and `detokenize` were called with. */
  readonly calls: unknown[][] = [];
  /** What they answer. */
  scored: (request: ScoreRequest, signal: AbortSignal) => Promise<ScoreResult> = unscripted;
  tokenized: () => Tokenization = unscripted;
  detokenized: () => Detokenization = unscripted;
  readonly #listeners = new Set<(model: ModelInfo) => void>();
  #model = modelInfo('unloaded');
  #nextGeneration = defer<Generation>();

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
    const generation = new Generation(request, signal);
    this.generations.push(generation);
    this.script?.(generation);
    this.#nextGeneration.resolve(generation);
    this.#nextGeneration = defer();
    const report = reportOf(request);
    try {
      for await (const event of generation.events()) {
        if (event.type === 'accepted') report.moments.firstStepAtMs = 1;
        if (event.type === 'delta') report.moments.firstTokenAtMs = 3;
        if (event.type === 'finished')
          Object.assign(report, { usage: event.usage, finishReasons: [event.finishReason] });
        yield event;
      }
    } catch (error) {
      report.error = EngineError.from(error);
      throw error;
    } finally {
      request.onEnd?.(report);
    }
  }

  /** Resolves with the next request that arrives; call it before that. */
  next(): Promise<Generation> {
    return this.#nextGeneration.promise;
  }

  score(request: ScoreRequest, signal: AbortSignal): Promise<ScoreResult> {
    const { onEnd: _, ...said } = request;
    this.calls.push([said]);
    return this.scored(request, signal);
  }

  async tokenize(...args: unknown[]): Promise<Tokenization> {
    this.calls.push(args);
    return this.tokenized();
  }

  async detokenize(...args: unknown[]): Promise<Detokenization> {
    this.calls.push(args);
    return this.detokenized();
  }

  models(): readonly ModelInfo[] {
    return [this.#model];
  }

  readonly memoryLimitBytes = 2 ** 34;

  async load(): Promise<void> {
    this.setState('ready');
  }

  async unload(): Promise<void> {
    if (this.#model.state === 'loading') throw new EngineError('MODEL_BUSY', 'It is being loaded.');
    this.setState('unloaded');
  }

  onStateChange(listener: (model: ModelInfo) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get numListeners(): number {
    return this.#listeners.size;
  }

  setState(state: ModelState, trouble: Partial<Pick<ModelInfo, 'isStuck' | 'isQueueFull'>> = {}): void {
    this.#model = { ...modelInfo(state), ...trouble };
    for (const listener of this.#listeners) listener(this.#model);
  }

  async close(): Promise<void> {}
}

/** What there is to report of a request before anything has happened to it. */
function reportOf({ prompts, bestOf }: GenerateRequest) {
  return {
    model: 'test-model',
    moments: {
      ...{ arrivedAtMs: 0, firstStepAtMs: undefined as number | undefined, lastTokenAtMs: 6, endedAtMs: 7 },
      firstTokenAtMs: undefined as number | undefined,
    },
    phase: 'queue' as const,
    numSequences: prompts.length * bestOf,
    usage: { promptTokens: 0, completionTokens: 0, cachedTokens: 0, acceptedPredictionTokens: 0 },
    finishReasons: [] as ('stop' | 'length')[],
    error: undefined as EngineError | undefined,
  };
}

function unscripted(): never {
  throw new Error('The test has not said what to answer.');
}

export function accepted(): AcceptedEvent {
  return {
    type: 'accepted',
    model: 'test-model',
    systemFingerprint: 'fp_test',
    prompts: [Int32Array.of(1, 2, 3, 4, 5)],
    cachedTokens: 2,
  };
}

export function delta(text: string, overrides: Partial<DeltaEvent> = {}): DeltaEvent {
  const tokenBytes = Buffer.from(text);
  return {
    type: 'delta',
    index: 0,
    text,
    tokenIds: [64],
    tokenBytes,
    logprobs: [],
    echoedTokens: 0,
    ...overrides,
  };
}

export function finished(index = 0): FinishedEvent {
  return {
    type: 'finished',
    index,
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
    isQueueFull: false,
    createdAt: new Date('2026-01-02T03:04:05.678Z'),
    memoryBytes: state === 'ready' ? 2 ** 31 : 0,
    load: {
      ...{ runningRequests: 1, waitingRequests: 2, predictedWaitMs: 250 },
      ...{ kvCacheUsedBytes: 3, kvCacheLimitBytes: 2 ** 33 },
    },
  };
}
