import type { AcceptedEvent, DeltaEvent, FinishedEvent, GenerateEvent } from '../engine.js';
import type { EngineError } from '../engine-error.js';
import { Detokenizer } from './detokenizer.js';
import { StepClock } from './step-clock.js';
import { StopChecker } from './stop-checker.js';
import type { Progress } from './time-limit.js';
import type { TokenBytes } from './token-bytes.js';

/** What a request's stream is made of. */
export interface RequestStreamOptions {
  /** The id of the model that answers. */
  readonly model: string;
  /** What the bits of the answer depend on. */
  readonly systemFingerprint: string;
  readonly promptTokens: number;
  /** Strings that end the completion, each not empty and well-formed. */
  readonly stop: readonly string[];
  /** In the text of so many tokens, from the start, stop strings mean nothing. */
  readonly minTokens: number;
  readonly tokenBytes: TokenBytes;
  /** Called once, when a stop string ends the completion: no more tokens are needed. */
  readonly onStop: () => void;
}

/** How the worker took the request up. */
export interface Acceptance {
  /** Tokens of the prompt that need no computing. */
  readonly cachedTokens: number;
  /** From arrival to the first step. Milliseconds. */
  readonly queueMs: number;
  /** When the first step begins, on the clock of `push`. Milliseconds. */
  readonly firstStepAtMs: number;
}

/** How the worker ended the completion. */
export type Completion =
  /** The last token has been pushed. */
  | { readonly finishReason: 'length' }
  /** This token ended it, at this time of the worker's clock, and was not pushed: it is no part of the text. */
  | { readonly finishReason: 'stop'; readonly stopTokenId: number; readonly atMs: number };

/**
 * One request's stream, between the worker's messages and the reader's loop. Tokens become text, and stop strings
 * are found, as they arrive, so that a stop ends the work whether or not anyone reads; what has not been read is
 * kept as one delta, so that a slow reader costs no more than the completion itself, and delays nothing.
 */
export class RequestStream {
  readonly #options: RequestStreamOptions;
  readonly #detokenizer = new Detokenizer();
  readonly #stopChecker: StopChecker;
  readonly #clock = new StepClock();
  #isAccepted = false;
  #cachedTokens = 0;
  #completionTokens = 0;
  #acceptedPredictionTokens = 0;

  // What the reader has yet to get, in this order; nothing is added after the end.
  #accepted: AcceptedEvent | undefined;
  #text = '';
  #tokenIds: number[] = [];
  #end: FinishedEvent | EngineError | undefined;
  #wake: (() => void) | undefined;

  constructor(options: RequestStreamOptions) {
    this.#options = options;
    this.#stopChecker = new StopChecker(options.stop);
  }

  /** How far the request has come. */
  get progress(): Progress {
    const completionTokens = this.#completionTokens;
    if (completionTokens > 0) return { phase: 'decode', completionTokens };
    return { phase: this.#isAccepted ? 'prefill' : 'queue', completionTokens };
  }

  /** The request has its place. Comes first. */
  accept({ cachedTokens, queueMs, firstStepAtMs }: Acceptance): void {
    if (this.#end !== undefined) return;
    const { model, systemFingerprint, promptTokens } = this.#options;
    this.#isAccepted = true;
    this.#cachedTokens = cachedTokens;
    this.#clock.start(queueMs, firstStepAtMs);
    this.#accepted = { type: 'accepted', model, systemFingerprint, promptTokens, cachedTokens };
    this.#notify();
  }

  /**
   * A step gave these tokens, in this order, at this time of the worker's clock. Those after the one that
   * completes a stop string are dropped.
   */
  push(tokenIds: readonly number[], atMs: number): void {
    if (this.#end !== undefined) return;
    this.#clock.tick(atMs);
    for (const [index, id] of tokenIds.entries()) {
      this.#tokenIds.push(id);
      this.#completionTokens += 1;
      // A step computes one token for certain; those behind it are guesses that held.
      if (index > 0) this.#acceptedPredictionTokens += 1;
      this.#addText(this.#detokenizer.push(this.#options.tokenBytes.bytesOf(id)));
      const { matched } = this.#stopChecker;
      if (matched === undefined) continue;
      this.#endWith(this.#finished('stop', matched));
      this.#options.onStop();
      return;
    }
    this.#notify();
  }

  /** The worker ended the completion. What was held back is given out. */
  finish(completion: Completion): void {
    if (this.#end !== undefined) return;
    this.#addText(this.#detokenizer.flush());
    this.#text += this.#stopChecker.flush();
    if (completion.finishReason === 'stop') {
      this.#clock.tick(completion.atMs);
      this.#tokenIds.push(completion.stopTokenId);
      this.#completionTokens += 1;
    }
    const { matched } = this.#stopChecker; // a stop string may end in the U+FFFD of a broken character
    const stop = completion.finishReason === 'stop' ? completion.stopTokenId : undefined;
    this.#endWith(
      matched === undefined ? this.#finished(completion.finishReason, stop) : this.#finished('stop', matched),
    );
  }

  /** The request ends with an error. The reader gets what there is, and then the error. */
  fail(error: EngineError): void {
    if (this.#end === undefined) this.#endWith(error);
  }

  /**
   * Gives the events, once, to one reader. A reader that leaves while it waits has left with the next event.
   *
   * @throws EngineError as given to `fail`.
   */
  async *events(): AsyncGenerator<GenerateEvent, void, undefined> {
    for (let event: GenerateEvent | EngineError | undefined; event === undefined || event !== this.#end; ) {
      event = this.#take();
      if (event instanceof Error) throw event;
      if (event === undefined) await this.#arrival();
      else yield event;
    }
  }

  #addText(text: string): void {
    const searched = this.#completionTokens > this.#options.minTokens;
    this.#text += searched ? this.#stopChecker.push(text) : text;
  }

  /** Waits until there is something to take. */
  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #take(): GenerateEvent | EngineError | undefined {
    const accepted = this.#accepted;
    this.#accepted = undefined;
    return accepted ?? this.#takeDelta() ?? this.#end;
  }

  #takeDelta(): DeltaEvent | undefined {
    const text = this.#text;
    const tokenIds = this.#tokenIds;
    if (text === '' && tokenIds.length === 0) return undefined;
    this.#text = '';
    this.#tokenIds = [];
    return { type: 'delta', text, tokenIds, tokenBytes: this.#options.tokenBytes.concatenate(tokenIds) };
  }

  #finished(finishReason: 'stop' | 'length', stop: string | number | undefined): FinishedEvent {
    const usage = {
      promptTokens: this.#options.promptTokens,
      completionTokens: this.#completionTokens,
      cachedTokens: this.#cachedTokens,
      acceptedPredictionTokens: this.#acceptedPredictionTokens,
    };
    return { type: 'finished', finishReason, stop, usage, timings: this.#clock.timings() };
  }

  #endWith(end: FinishedEvent | EngineError): void {
    this.#end = end;
    this.#notify();
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
