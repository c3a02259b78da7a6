import type { DeltaEvent, Timings, TokenLogprob } from '../completion.js';
import type { SequenceOutput, StartedSequence } from '../core/step-output.js';
import type { RowLogprob } from '../sampling/row-logprob.js';
import { CompletionText, type StopOptions } from '../text/completion-text.js';
import { END_OF_TEXT_ID, type TokenBytes } from '../text/token-bytes.js';
import type { RequestPrompt } from './request-prompt.js';
import { StepClock } from './step-clock.js';
import { TokenLogprobs } from './token-logprobs.js';

/** What a request's choices have in common. */
export interface ChoiceOptions extends StopOptions {
  /** Tokens that end it, beside the end of text; `includeStop` leaves their text, too. */
  readonly stopTokenIds: readonly number[];
  /** Whether the choice begins with the prompt. */
  readonly echo: boolean;
  /** How many most probable tokens are told beside each; undefined: no logprobs are told. */
  readonly numTopLogprobs: number | undefined;
  readonly tokenBytes: TokenBytes;
}

/** How a choice ended. */
export interface ChoiceEnd {
  readonly finishReason: 'stop' | 'length';
  /** The string that matched, or the token that ended it. */
  readonly stop: string | number | undefined;
  readonly timings: Timings;
}

const NO_BYTES = new Uint8Array();

/**
 * One choice of a request, between the worker's messages and the reader's loop. Tokens become text, and stop strings
 * are found, as they arrive, so that a stop ends the work whether or not anyone reads; what has not been read is
 * kept as one delta, so that a slow reader costs no more than the completion itself, and delays nothing.
 */
export class ChoiceStream {
  readonly #options: ChoiceOptions;
  readonly #prompt: RequestPrompt;
  readonly #completionText: CompletionText;
  readonly #clock = new StepClock();
  #described: TokenLogprobs | undefined;
  #hasBegun = false;
  #numTokens = 0;
  #numPredicted = 0;
  #logprobSum = 0;
  #end: ChoiceEnd | undefined;

  // What the reader has yet to get.
  #text = '';
  #tokenIds: number[] = [];
  #logprobs: TokenLogprob[] = [];
  #echoedTokens = 0;

  constructor(options: ChoiceOptions, prompt: RequestPrompt, { queueMs, firstStepAtMs }: StartedSequence) {
    this.#options = options;
    this.#prompt = prompt;
    this.#completionText = new CompletionText(options);
    this.#clock.start(queueMs, firstStepAtMs);
  }

  /** Tokens generated so far, those of a stop string and the one that ended it included. */
  get numTokens(): number {
    return this.#numTokens;
  }

  /** Of those, the ones that were guessed right. */
  get numPredicted(): number {
    return this.#numPredicted;
  }

  /** The mean of its tokens' logprobs, of which the worker must have told. */
  get meanLogprob(): number {
    return this.#numTokens === 0 ? 0 : this.#logprobSum / this.#numTokens;
  }

  /** Set once it has ended; nothing is added after that. */
  get end(): ChoiceEnd | undefined {
    return this.#end;
  }

  /**
   * A step gave tokens, or the end, at this time of the worker's clock. Tokens after the one that completes a stop
   * string are dropped.
   */
  take({ tokenIds, logprobs, finishReason }: SequenceOutput, atMs: number): void {
    if (this.#end !== undefined || (tokenIds.length === 0 && finishReason === undefined)) return;
    if (!this.#hasBegun) this.#begin();
    // One that generates nothing ends where the others have their first token.
    if (tokenIds.length > 0 || this.#numTokens === 0) this.#clock.tick(atMs);
    // A step computes one token for certain; those behind it are guesses that held.
    const addToken = (i: number) => this.#addToken(tokenIds[i]!, logprobs?.[i], i > 0);
    const numTexts = finishReason === 'stop' ? tokenIds.length - 1 : tokenIds.length;
    for (let i = 0; i < numTexts; i += 1) {
      addToken(i);
      this.#text += this.#completionText.push(this.#bytesInText(tokenIds[i]!));
      if (this.#completionText.matched === undefined) continue;
      this.#endWith(undefined);
      return;
    }
    // The token that stops is told; of the text it is no part.
    if (finishReason === 'stop') addToken(numTexts);
    if (finishReason !== undefined) this.#finish(tokenIds[numTexts]);
  }

  /** What there is since the last time; undefined where there is nothing. */
  takeDelta(): Omit<DeltaEvent, 'type' | 'index'> | undefined {
    const text = this.#text;
    const tokenIds = this.#tokenIds;
    const logprobs = this.#logprobs;
    const echoedTokens = this.#echoedTokens;
    if (text === '' && tokenIds.length === 0) return undefined;
    this.#text = '';
    this.#tokenIds = [];
    this.#logprobs = [];
    this.#echoedTokens = 0;
    const tokenBytes = this.#options.tokenBytes.concatenate(tokenIds);
    return { text, tokenIds, tokenBytes, logprobs, echoedTokens };
  }

  /** Puts the prompt first, now that all is known of it. */
  #begin(): void {
    const { echo, numTopLogprobs } = this.#options;
    this.#hasBegun = true;
    if (!echo) return;
    this.#text = this.#prompt.text;
    this.#tokenIds = Array.from(this.#prompt.ids);
    this.#echoedTokens = this.#tokenIds.length;
    if (numTopLogprobs !== undefined) this.#logprobs = [...this.#prompt.logprobs(numTopLogprobs)];
  }

  #addToken(id: number, row: RowLogprob | undefined, isPredicted: boolean): void {
    const { numTopLogprobs, tokenBytes } = this.#options;
    this.#tokenIds.push(id);
    this.#numTokens += 1;
    if (isPredicted) this.#numPredicted += 1;
    if (row === undefined) return;
    this.#logprobSum += row.logprob;
    if (numTopLogprobs === undefined) return;
    this.#described ??= new TokenLogprobs(tokenBytes, this.#prompt.numCharacters);
    this.#logprobs.push(this.#described.describe(id, row, numTopLogprobs));
  }

  /** The end-of-text token has no text, also where it does not end it. */
  #bytesInText(id: number): Uint8Array {
    return id === END_OF_TEXT_ID ? NO_BYTES : this.#options.tokenBytes.bytesOf(id);
  }

  /** The worker ended it, perhaps by a token. */
  #finish(stopTokenId: number | undefined): void {
    const { includeStop, stopTokenIds } = this.#options;
    const isLeft = includeStop && stopTokenId !== undefined && stopTokenIds.includes(stopTokenId);
    this.#text += this.#completionText.end(isLeft ? this.#bytesInText(stopTokenId) : undefined);
    this.#endWith(stopTokenId);
  }

  /** Ends with the stop string that matched, else with this token, else because there may be no more. */
  #endWith(stopTokenId: number | undefined): void {
    const stop = this.#completionText.matched ?? stopTokenId;
    const finishReason = stop === undefined ? 'length' : 'stop';
    this.#end = { finishReason, stop, timings: this.#clock.timings() };
  }
}
