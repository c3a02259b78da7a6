import type { GenerateEvent, GenerateRequest } from '../completion.js';
import type { Engine, ModelInfo } from '../engine.js';
import { EngineError } from '../engine-error.js';
import type { EngineObserver } from '../observer.js';
import type { ScoreRequest, ScoreResult } from '../score.js';
import { PromptEncoder } from '../text/prompt-encoder.js';
import { toText, toTokens } from '../text/text-tokens.js';
import { createTokenizer, type Tokenizer } from '../text/tokenizer.js';
import { checkTokenIds } from '../text/vocabulary-check.js';
import type { Detokenization, Tokenization } from '../tokenization.js';
import { abortable } from './abortable.js';
import { GuardedObserver, tell } from './guarded-observer.js';
import { HostedModel, type HostingOptions } from './hosted-model.js';
import { LoadRetry } from './load-retry.js';
import { generateWith, type ModelUse, scoreWith } from './model-use.js';
import { RequestRecord } from './request-record.js';
import { TimeLimit } from './time-limit.js';

/** How the engine's models are hosted. */
export interface WorkerEngineOptions extends Omit<HostingOptions, 'worker' | 'onChange'> {
  readonly worker: Omit<HostingOptions['worker'], 'directory'>;
  /** The wait before models are tried again where none could be loaded; it doubles up to 60 times that. Milliseconds. */
  readonly loadRetryDelayMs: number;
}

const MAX_DELAY_FACTOR = 60;

/** The engine whose models each compute in a worker thread. */
export class WorkerEngine implements Engine {
  readonly #models: readonly HostedModel[];
  readonly #observer: EngineObserver | undefined;
  readonly #listeners = new Set<(model: ModelInfo) => void>();
  readonly #retry: LoadRetry;
  readonly memoryLimitBytes: number;
  #tokenizer: Promise<Tokenizer> | undefined;
  #numRequests = 0;
  #closed = false;

  constructor(
    models: readonly { readonly id: string; readonly directory: string }[],
    { loadRetryDelayMs, ...options }: WorkerEngineOptions,
  ) {
    this.#observer = options.observer && new GuardedObserver(options.observer);
    const hosting = { ...options, observer: this.#observer };
    if (models.length === 0) throw new RangeError('An engine needs at least one model.');
    const onChange = (model: ModelInfo) => {
      for (const listener of this.#listeners) tell(listener, model);
      this.#retry.update();
    };
    this.#models = models.map(
      ({ id, directory }) =>
        new HostedModel(id, { ...hosting, worker: { ...hosting.worker, directory }, onChange }),
    );
    this.memoryLimitBytes = hosting.budget.limitBytes;
    const needLoading = () =>
      this.#models.some(({ isLost }) => isLost) || this.#models.every(({ info }) => info.error !== undefined);
    const delays = { delayMs: loadRetryDelayMs, maxDelayMs: loadRetryDelayMs * MAX_DELAY_FACTOR };
    this.#retry = new LoadRetry({ needLoading, load: () => this.#loadNeeded() }, delays);
  }

  async *generate(request: GenerateRequest, caller: AbortSignal): AsyncGenerator<GenerateEvent> {
    const record = new RequestRecord(request.onEnd, this.#observer);
    const limit = new TimeLimit(caller, request.deadlineAtMs, () => record.progress);
    try {
      const model = this.#find(request.model);
      record.model = model.id;
      const use = await this.#begin(model, limit.signal);
      try {
        for await (const event of generateWith(use, request, { limit, record })) {
          record.note(event);
          yield event;
        }
        record.complete();
      } finally {
        use.release();
      }
    } catch (caught) {
      record.fail(caught);
      throw caught;
    } finally {
      limit.end();
      record.end();
    }
  }

  async score(request: ScoreRequest, caller: AbortSignal): Promise<ScoreResult> {
    const record = new RequestRecord(request.onEnd, this.#observer);
    const limit = new TimeLimit(caller, request.deadlineAtMs, () => record.progress);
    try {
      const model = this.#find(request.model);
      record.model = model.id;
      const use = await this.#begin(model, limit.signal);
      try {
        const result = await scoreWith(use, request, { limit, record });
        record.complete(result.usage);
        return result;
      } finally {
        use.release();
      }
    } catch (caught) {
      record.fail(caught);
      throw caught;
    } finally {
      limit.end();
      record.end();
    }
  }

  async tokenize(id: string, text: string): Promise<Tokenization> {
    const model = this.#find(id);
    const tokens = toTokens(text, await this.#loadTokenizer());
    return { model: model.id, tokens, contextLength: model.info.shape?.contextLength };
  }

  async detokenize(id: string, tokenIds: readonly number[]): Promise<Detokenization> {
    const model = this.#find(id);
    const { tokenBytes } = await this.#loadTokenizer();
    checkTokenIds(tokenIds, tokenBytes.size, (index) => `token_ids[${index}]`);
    const bytes = tokenBytes.concatenate(tokenIds);
    return { model: model.id, text: toText(bytes), bytes };
  }

  models(): readonly ModelInfo[] {
    return this.#models.map(({ info }) => info);
  }

  async load(id = ''): Promise<void> {
    const [lease] = await Promise.all([this.#find(id).acquire(NEVER), this.#loadTokenizer()]);
    lease.release();
  }

  async unload(id: string): Promise<void> {
    await this.#find(id).unload();
  }

  onStateChange(listener: (model: ModelInfo) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry.close();
    await Promise.all(this.#models.map((model) => model.close(closed())));
  }

  /** Numbers a request and waits for its model, loading it if need be. */
  async #begin(model: HostedModel, signal: AbortSignal): Promise<ModelUse> {
    const loading = this.#loadTokenizer();
    const lease = await model.acquire(signal);
    try {
      const tokenizer = await abortable(loading, signal);
      const { tokenBytes } = tokenizer;
      const encoder = new PromptEncoder(tokenizer, lease.shape);
      this.#numRequests += 1;
      return { ...lease, id: this.#numRequests, model: model.id, tokenBytes, encoder };
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  /** Loads those that were lost; where there are none, the first one that can be. */
  async #loadNeeded(): Promise<void> {
    const tryLoad = ({ id }: HostedModel) =>
      this.load(id).then(
        () => true,
        () => false,
      );
    const lost = this.#models.filter(({ isLost }) => isLost);
    await Promise.all(lost.map(tryLoad));
    if (lost.length > 0) return;
    for (const model of this.#models) if (await tryLoad(model)) return;
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

const NEVER = new AbortController().signal;

function closed(): EngineError {
  return new EngineError('ENGINE_UNAVAILABLE', 'The engine is shutting down.', { retryAfterMs: 1000 });
}
