import type { GenerateEvent, GenerateRequest } from '../completion.js';
import type { Engine, ModelInfo } from '../engine.js';
import { EngineError } from '../engine-error.js';
import type { ScoreRequest, ScoreResult } from '../score.js';
import type { Detokenization, Tokenization } from '../tokenization.js';
import { abortable } from './abortable.js';
import { toChoiceOptions, toGroup } from './generation.js';
import { HostedModel, type HostingOptions, type ModelLease } from './hosted-model.js';
import { LoadRetry } from './load-retry.js';
import { PromptEncoder } from './prompt-encoder.js';
import { RequestPrompt } from './request-prompt.js';
import { RequestStream } from './request-stream.js';
import { ScoreCollector } from './score-collector.js';
import { encodeScoring, toScore, toScoringGroup } from './scoring.js';
import { toText, toTokens } from './text-tokens.js';
import { TimeLimit } from './time-limit.js';
import type { TokenBytes } from './token-bytes.js';
import { createTokenizer, type Tokenizer } from './tokenizer.js';
import { checkSamplingTokens, checkTokenIds } from './vocabulary-check.js';

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
  readonly #listeners = new Set<(model: ModelInfo) => void>();
  readonly #retry: LoadRetry;
  readonly memoryLimitBytes: number;
  #tokenizer: Promise<Tokenizer> | undefined;
  #numRequests = 0;
  #closed = false;

  constructor(
    models: readonly { readonly id: string; readonly directory: string }[],
    { worker, budget, idleLimitMs, loadRetryDelayMs }: WorkerEngineOptions,
  ) {
    if (models.length === 0) throw new RangeError('An engine needs at least one model.');
    const onChange = (model: ModelInfo) => {
      for (const listener of this.#listeners) listener(model);
      this.#retry.update();
    };
    this.#models = models.map(
      ({ id, directory }) =>
        new HostedModel(id, { worker: { ...worker, directory }, budget, idleLimitMs, onChange }),
    );
    this.memoryLimitBytes = budget.limitBytes;
    const haveAllFailed = () => this.#models.every(({ info }) => info.error !== undefined);
    const delays = { delayMs: loadRetryDelayMs, maxDelayMs: loadRetryDelayMs * MAX_DELAY_FACTOR };
    this.#retry = new LoadRetry({ haveAllFailed, load: () => this.#loadAny() }, delays);
  }

  async *generate(request: GenerateRequest, caller: AbortSignal): AsyncGenerator<GenerateEvent> {
    const limit = new TimeLimit(caller, request.deadlineAtMs);
    try {
      const use = await this.#begin(request.model, limit.signal);
      try {
        yield* this.#generate(use, request, limit);
      } finally {
        use.release();
      }
    } finally {
      limit.end();
    }
  }

  async score(request: ScoreRequest, signal: AbortSignal): Promise<ScoreResult> {
    const use = await this.#begin(request.model, signal);
    try {
      return await this.#score(use, request, signal);
    } finally {
      use.release();
    }
  }

  async *#generate(use: ModelUse, request: GenerateRequest, limit: TimeLimit): AsyncGenerator<GenerateEvent> {
    const { id, model, worker, shape, tokenBytes, encoder } = use;
    const { signal } = limit;
    checkSamplingTokens(request.sampling, shape.vocabSize);
    const prompts = await encoder.encodeAll(request.prompts, { before: 0, after: request.maxTokens });
    if (worker.isStuck) throw stuck(model);
    limit.refuseUnless(worker.leastWaitMs);
    const stream = new RequestStream({
      model,
      systemFingerprint: shape.fingerprint,
      prompts: prompts.map((ids, i) => {
        const { input } = request.prompts[i]!;
        return new RequestPrompt(ids, typeof input === 'string' ? input : undefined, tokenBytes);
      }),
      n: request.n,
      bestOf: request.bestOf,
      choice: toChoiceOptions(request, tokenBytes),
      onStop: (index) => worker.stop({ groupId: id, index }),
    });
    limit.progress = () => stream.progress;
    const end = worker.run(toGroup(id, request, prompts), stream, signal);
    try {
      yield* stream.events();
    } finally {
      end();
    }
  }

  async #score(use: ModelUse, request: ScoreRequest, signal: AbortSignal): Promise<ScoreResult> {
    const { id, model, worker, shape, tokenBytes, encoder } = use;
    const scoring = await encodeScoring(request, encoder);
    const { context, continuations } = scoring;
    const numTop = request.logprobs;
    const collector = new ScoreCollector(continuations.length);
    const end = worker.run(toScoringGroup(id, scoring, numTop), collector, signal);
    try {
      const { rows, cachedTokens } = await collector.collected;
      const scores = continuations.map((ids, i) => toScore(ids, rows[i]!, { tokenBytes, numTop }));
      const promptTokens = continuations.reduce((sum, { length }) => sum + length, context.length);
      const usage = { promptTokens, completionTokens: 0, cachedTokens, acceptedPredictionTokens: 0 };
      return { model, systemFingerprint: shape.fingerprint, scores, usage };
    } finally {
      end();
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
  async #begin(modelId: string, signal: AbortSignal): Promise<ModelUse> {
    const model = this.#find(modelId);
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

  /** Loads the first model that can be. */
  async #loadAny(): Promise<void> {
    for (const { id } of this.#models) {
      const isLoaded = await this.load(id).then(
        () => true,
        () => false,
      );
      if (isLoaded) return;
    }
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

/** A model in use by a request. */
interface ModelUse extends ModelLease {
  /** The request's number. */
  readonly id: number;
  /** The model's id. */
  readonly model: string;
  readonly tokenBytes: TokenBytes;
  readonly encoder: PromptEncoder;
}

const NEVER = new AbortController().signal;

function stuck(model: string): EngineError {
  return new EngineError(
    'ENGINE_UNAVAILABLE',
    `The model "${model}" makes no progress at present. Try again later.`,
    {
      metadata: { model },
      retryAfterMs: 5000,
    },
  );
}

function closed(): EngineError {
  return new EngineError('ENGINE_UNAVAILABLE', 'The engine is shutting down.', { retryAfterMs: 1000 });
}
