import type { GenerateEvent, Prompt } from '../../engine/index.js';

/** What is left of a text in the log. Characters. */
const MAX_CHARS = 4096;

/** Gathers what the log tells of a request's text, where the operator has asked for that. */
export class LoggedText {
  /** By the choice's index. */
  readonly #texts: string[] = [];
  /** What the log is told; the texts grow as they come. */
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(prompts: readonly Prompt[]) {
    this.fields = { prompts: prompts.map(({ input }) => input.slice(0, MAX_CHARS)), texts: this.#texts };
  }

  /** Takes what an event tells. */
  take(event: GenerateEvent): void {
    if (event.type !== 'delta') return;
    this.#texts[event.index] = ((this.#texts[event.index] ?? '') + event.text).slice(0, MAX_CHARS);
  }
}
