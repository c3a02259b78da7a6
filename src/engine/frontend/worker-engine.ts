import type { Engine, GenerateEvent, GenerateRequest, ModelInfo } from '../engine.js';
import { EngineError } from '../engine-error.js';
import type { WorkerOptions } from '../worker/messages.js';
import { HostedModel } from './hosted-model.js';
import { toPromptIds } from './prompt-ids.js';
import { RequestStream } from './request-stream.js';
import { TimeLimit } from './time-limit.js';
import { createTokenizer, type Tokenizer } from './tokenizer.js';
import { checkVocabulary } from './vocabulary-check.js';

/** The engine whose models each compute in a worker thread. */
export class WorkerEngine implements Engine {
  readonly #models: readonly HostedModel[];
  readonly #listeners = new Set<(model: ModelInfo) => void>();
  #tokenizer: Promise<Tokenizer> | undefined;
  #numSequences = 0;
  #closed = false;

  constructor(
    models: readonly { readonly id: string; readonly directory: string }[],
    options: Omit<WorkerOptions, 'directory'>,
  ) {
    if (models.length === 0) throw new RangeError('An engine needs at least one model.');
    const notify = (model: ModelInfo) => {
      for (const listener of this.#listeners) listener(model);
    };
    this.#models = models.map(({ id, directory }) => new HostedModel(id, { ...options, directory }, notify));
  }

  async *generate(request: GenerateRequest, caller: AbortSignal): AsyncGenerator<GenerateEvent> {
    const limit = new TimeLimit(caller, request.deadlineAtMs);
    try {
      yield* this.#generate(request, limit);
    } finally {
      limit.end();
    }
  }

  async *#generate(request: GenerateRequest, limit: TimeLimit): AsyncGenerator<GenerateEvent> {
    const { signal } = limit;
    const model = this.#find(request.model);
    const { worker, shape } = await abortable(model.ready(), signal);
    const tokenizer = await abortable(this.#loadTokenizer(), signal);
    // From here to the listener nothing waits; an abort just before would find none.
    if (signal.aborted) throw abortError(signal);
    checkVocabulary(request, shape.vocabSize);
    const promptIds = toPromptIds(request, shape, tokenizer);
    limit.refuseUnless(worker.leastWaitMs);
    const id = ++this.#numSequences;
    const stream = new RequestStream({
      model: model.id,
      systemFingerprint: shape.fingerprint,
      promptTokens: promptIds.length,
      stop: request.stop,
      minTokens: request.sampling.minTokens,
      tokenBytes: tokenizer.tokenBytes,
      onStop: () => worker.abort(id),
    });
    limit.progress = () => stream.progress;
    // At once, not when the reader next asks: it may be busy elsewhere.
    const onAbort = () => {
      stream.fail(abortError(signal));
      worker.abort(id);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      worker.add({ id, promptIds, maxTokens: request.maxTokens, sampling: request.sampling }, stream);
      yield* stream.events();
    } finally {
      signal.removeEventListener('abort', onAbort);
      // However the stream ended: a sequence that has not ended by itself gives its place back.
      worker.abort(id);
    }
  }

  models(): readonly ModelInfo[] {
    return this.#models.map(({ info }) => info);
  }

  async load(id = ''): Promise<void> {
    await Promise.all([this.#find(id).ready(), this.#loadTokenizer()]);
  }

  onStateChange(listener: (model: ModelInfo) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#models.map((model) => model.close(closed())));
  }

  #find(id: string): HostedModel {
    if (this.#closed) throw closed();
    const model = id === '' ? this.#models[0] : this.#models.find((candidate) => candidate.id === id);
    if (model !== undefined) return model;
    const known = this.#models.map((candidate) => `"${candidate.id}"`).join(', ');
    throw new EngineError('MODEL_NOT_FOUND', `There is no model "${id}"; this service has ${known}.`, {
      field: 'model',
      metadata: { model: id },
    });
  }

  #loadTokenizer(): Promise<Tokenizer> {
    this.#tokenizer ??= createTokenizer();
    return this.#tokenizer;
  }
}

/** Waits for a promise until the signal aborts. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw abortError(signal);
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function abortError(signal: AbortSignal): EngineError {
  if (signal.reason instanceof EngineError) return signal.reason;
  return new EngineError('CANCELLED', 'The request was cancelled.', { cause: signal.reason });
}

function closed(): EngineError {
  return new EngineError('ENGINE_UNAVAILABLE', 'The engine is shutting down.', { retryAfterMs: 1000 });
}
