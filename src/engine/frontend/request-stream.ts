import type { AcceptedEvent, FinishedEvent, GenerateEvent } from '../completion.js';
import type { SequenceOutput, StartedSequence } from '../core/step-output.js';
import type { EngineError } from '../engine-error.js';
import { type ChoiceOptions, ChoiceStream } from './choice-stream.js';
import type { GroupListener } from './group-listener.js';
import type { RequestPrompt } from './request-prompt.js';

/** What a request's stream is made of. */
export interface RequestStreamOptions {
  /** The id of the model that answers. */
  readonly model: string;
  /** What the bits of the answer depend on. */
  readonly systemFingerprint: string;
  readonly prompts: readonly RequestPrompt[];
  /** Choices of each prompt. */
  readonly n: number;
  /** Candidates of each prompt, which the worker's sequences are; at least `n`. */
  readonly bestOf: number;
  readonly choice: ChoiceOptions;
  /** Called when a stop string ends a candidate: no more of its tokens are needed. */
  readonly onStop: (index: number) => void;
}

/**
 * One request's stream, between the worker's messages and the reader's loop. Its choices come interleaved, in the order
 * in which they have something to tell; where there are more candidates than choices, a prompt's come when the last
 * candidate has ended, the best first.
 */
export class RequestStream implements GroupListener {
  readonly #options: RequestStreamOptions;
  /** Those whose end the reader does not have, by the index of their sequence. */
  readonly #candidates = new Map<number, ChoiceStream>();
  readonly #usage: { -readonly [key in keyof FinishedEvent['usage']]: number };
  #numLeft: number;

  // What the reader has yet to get, in this order.
  #accepted: AcceptedEvent | undefined;
  /** By index; in the order in which they came to have something. */
  readonly #ready = new Map<number, ChoiceStream>();
  #failure: EngineError | undefined;
  #wake: (() => void) | undefined;

  constructor(options: RequestStreamOptions) {
    this.#options = options;
    const { prompts, n } = options;
    const promptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
    this.#usage = { promptTokens, completionTokens: 0, cachedTokens: 0, acceptedPredictionTokens: 0 };
    this.#numLeft = prompts.length * n;
  }

  start(started: StartedSequence): void {
    if (this.#failure !== undefined) return;
    const { index, cachedTokens } = started;
    const { model, systemFingerprint, prompts, bestOf, choice } = this.#options;
    // A prompt counts once, however often it is computed.
    if (index % bestOf === 0) this.#usage.cachedTokens += cachedTokens;
    if (index === 0) {
      const ids = prompts.map((prompt) => prompt.ids);
      this.#accepted = { type: 'accepted', model, systemFingerprint, prompts: ids, cachedTokens };
      this.#notify();
    }
    this.#candidates.set(index, new ChoiceStream(choice, this.#promptOf(index), started));
  }

  take(output: SequenceOutput, atMs: number): void {
    const { index, promptLogprobs } = output;
    const candidate = this.#candidates.get(index);
    if (candidate === undefined || candidate.end !== undefined || this.#failure !== undefined) return;
    if (promptLogprobs !== undefined) this.#promptOf(index).addRows(promptLogprobs);
    const { numTokens, numPredicted } = candidate;
    candidate.take(output, atMs);
    this.#usage.completionTokens += candidate.numTokens - numTokens;
    this.#usage.acceptedPredictionTokens += candidate.numPredicted - numPredicted;
    if (candidate.end !== undefined && output.finishReason === undefined) this.#options.onStop(index);
    if (this.#options.bestOf === this.#options.n) this.#ready.set(index, candidate);
    else if (candidate.end !== undefined) this.#chooseBest(Math.floor(index / this.#options.bestOf));
    this.#notify();
  }

  /** The reader gets what there is, and then the error. */
  fail(error: EngineError): void {
    this.#failure ??= error;
    this.#notify();
  }

  /**
   * Gives the events, once, to one reader. A reader that leaves while it waits has left with the next event.
   *
   * @throws EngineError as given to `fail`, unless all choices have ended before.
   */
  async *events(): AsyncGenerator<GenerateEvent, void, undefined> {
    while (this.#numLeft > 0) {
      const event = this.#next();
      if (event !== undefined) yield event;
      else if (this.#failure !== undefined) throw this.#failure;
      else await this.#arrival();
    }
  }

  #promptOf(index: number): RequestPrompt {
    return this.#options.prompts[Math.floor(index / this.#options.bestOf)]!;
  }

  /** Makes choices of a prompt's best candidates, once all have ended; of equally good ones the first. */
  #chooseBest(prompt: number): void {
    const { n, bestOf } = this.#options;
    const candidates = Array.from({ length: bestOf }, (_, i) => this.#candidates.get(prompt * bestOf + i));
    const ended = candidates.filter((candidate) => candidate?.end !== undefined) as ChoiceStream[];
    if (ended.length < bestOf) return;
    ended.sort((a, b) => b.meanLogprob - a.meanLogprob);
    for (const [rank, choice] of ended.slice(0, n).entries()) this.#ready.set(prompt * n + rank, choice);
    for (let i = 0; i < bestOf; i += 1) this.#candidates.delete(prompt * bestOf + i);
  }

  #next(): GenerateEvent | undefined {
    const accepted = this.#accepted;
    this.#accepted = undefined;
    if (accepted !== undefined) return accepted;
    for (const [index, choice] of this.#ready) {
      const delta = choice.takeDelta();
      // One that has ended stays for its end, which comes at once.
      if (choice.end === undefined) this.#ready.delete(index);
      if (delta !== undefined) return { type: 'delta', index, ...delta };
      if (choice.end === undefined) continue;
      this.#ready.delete(index);
      if (this.#options.bestOf === this.#options.n) this.#candidates.delete(index);
      this.#numLeft -= 1;
      return { type: 'finished', index, ...choice.end, usage: { ...this.#usage } };
    }
    return undefined;
  }

  /** Waits until there is something to take. */
  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
