import { now } from '../clock.js';
import type { GenerateEvent, Usage } from '../completion.js';
import type { SequenceOutput, StartedSequence } from '../core/step-output.js';
import { EngineError } from '../engine-error.js';
import type { EngineObserver, RequestListener, RequestPhase } from '../observer.js';
import type { GroupRequest } from '../scheduling/group-request.js';
import type { GroupListener } from './group-listener.js';
import { tell } from './guarded-observer.js';
import type { Progress } from './time-limit.js';

/** Writes down what becomes of one request, to report it when it has ended. */
export class RequestRecord {
  /** The id of the model that is to answer; undefined until it is found. */
  model: string | undefined;
  readonly #onEnd: RequestListener | undefined;
  readonly #observer: EngineObserver | undefined;
  readonly #arrivedAtMs = now();
  #numSequences = 0;
  #promptTokens = 0;
  #firstStepAtMs: number | undefined;
  #firstTokenAtMs: number | undefined;
  #lastTokenAtMs: number | undefined;
  /** When each sequence got its last token, by index. */
  readonly #lastTokensAtMs = new Map<number, number>();
  #completionTokens = 0;
  #cachedTokens = 0;
  #usage: Usage | undefined;
  readonly #finishReasons: ('stop' | 'length')[] = [];
  #error: EngineError | undefined;
  #isComplete = false;

  constructor(onEnd: RequestListener | undefined, observer: EngineObserver | undefined) {
    this.#onEnd = onEnd;
    this.#observer = observer;
  }

  /** How far the request has come. */
  get progress(): Progress {
    return { phase: this.#phase, completionTokens: this.#completionTokens };
  }

  /** The request goes to a model's worker; what that tells the listener is written down. */
  listen({ prompts, numCandidates }: GroupRequest, listener: GroupListener): GroupListener {
    this.#numSequences = prompts.length * numCandidates;
    this.#promptTokens = prompts.reduce((sum, { length }) => sum + length, 0);
    return {
      start: (started) => {
        this.#start(started);
        listener.start(started);
      },
      take: (output, atMs) => {
        if (output.tokenIds.length > 0) this.#take(output, atMs);
        listener.take(output, atMs);
      },
      fail: (error) => listener.fail(error),
    };
  }

  /** The reader gets an event. */
  note(event: GenerateEvent): void {
    if (event.type !== 'finished') return;
    this.#finishReasons.push(event.finishReason);
    this.#usage = event.usage;
  }

  /** The request is complete. */
  complete(usage = this.#usage): void {
    this.#usage = usage;
    this.#isComplete = true;
  }

  /** The request ended with an error. */
  fail(caught: unknown): void {
    this.#error = EngineError.from(caught);
  }

  /** Reports the request. To be called once, in any case. */
  end(): void {
    tell(this.#onEnd, {
      model: this.model,
      moments: {
        arrivedAtMs: this.#arrivedAtMs,
        firstStepAtMs: this.#firstStepAtMs,
        firstTokenAtMs: this.#firstTokenAtMs,
        lastTokenAtMs: this.#lastTokenAtMs,
        endedAtMs: now(),
      },
      phase: this.#phase,
      numSequences: this.#numSequences,
      usage: this.#usage ?? this.#usageSoFar(),
      finishReasons: this.#finishReasons,
      error: this.#error ?? (this.#isComplete ? undefined : left()),
    });
  }

  get #phase(): RequestPhase {
    if (this.#firstTokenAtMs !== undefined) return 'decode';
    return this.#firstStepAtMs === undefined ? 'queue' : 'prefill';
  }

  #start({ index, cachedTokens, firstStepAtMs }: StartedSequence): void {
    this.#firstStepAtMs ??= firstStepAtMs;
    if (index === 0) this.#cachedTokens = cachedTokens;
  }

  #take({ index, tokenIds }: SequenceOutput, atMs: number): void {
    this.#completionTokens += tokenIds.length;
    this.#firstTokenAtMs ??= atMs;
    this.#lastTokenAtMs = atMs;
    const before = this.#lastTokensAtMs.get(index);
    this.#lastTokensAtMs.set(index, atMs);
    if (before !== undefined) this.#observer?.onTokenGap(this.model ?? '', atMs - before);
  }

  #usageSoFar(): Usage {
    const hasBegun = this.#firstStepAtMs !== undefined;
    return {
      promptTokens: hasBegun ? this.#promptTokens : 0,
      completionTokens: this.#completionTokens,
      cachedTokens: this.#cachedTokens,
      acceptedPredictionTokens: 0,
    };
  }
}

function left(): EngineError {
  return new EngineError('CANCELLED', 'The reader left before the end.');
}
