import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Prompt } from '../completion.js';
import type { ModelShape } from '../engine.js';
import { EngineError } from '../engine-error.js';
import type { Tokenizer } from './tokenizer.js';
import { checkTokenIds } from './vocabulary-check.js';

/** What a prompt shares the model's context with. */
export interface PromptNeighbours {
  /** Tokens before it. */
  readonly before: number;
  /** Tokens to be generated after it. */
  readonly after: number;
}

/** For so long a request may keep the event loop with its texts. Milliseconds. */
const MAX_TURN_MS = 8;

/** Turns prompts into token ids that fit a model. */
export class PromptEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #shape: ModelShape;

  constructor(tokenizer: Tokenizer, shape: ModelShape) {
    this.#tokenizer = tokenizer;
    this.#shape = shape;
  }

  /**
   * Encodes a prompt.
   *
   * @throws EngineError INVALID_FIELD for one that is empty or has foreign tokens, CONTEXT_LENGTH_EXCEEDED.
   */
  encode(prompt: Prompt, neighbours: PromptNeighbours): Int32Array {
    const { field, input } = prompt;
    const { contextLength, vocabSize } = this.#shape;
    if (typeof input !== 'string') checkTokenIds(input, vocabSize, (index) => `${field}.ids[${index}]`);
    const ids = typeof input === 'string' ? this.#encodeText(input, prompt, neighbours) : input;
    if (ids.length === 0)
      throw new EngineError('INVALID_FIELD', `\`${field}\` must not be empty.`, { field });
    const { before, after } = neighbours;
    if (before + ids.length + after > contextLength) throw this.#tooLong(ids.length, prompt, neighbours);
    return Int32Array.from(ids);
  }

  /** Encodes several prompts, as {@link encode} does, and lets others have their turn in between. */
  async encodeAll(prompts: readonly Prompt[], neighbours: PromptNeighbours): Promise<Int32Array[]> {
    const encoded: Int32Array[] = [];
    let turnBegan = performance.now();
    for (const prompt of prompts) {
      if (performance.now() - turnBegan > MAX_TURN_MS) {
        await nextTurn();
        turnBegan = performance.now();
      }
      encoded.push(this.encode(prompt, neighbours));
    }
    return encoded;
  }

  #encodeText(text: string, prompt: Prompt, neighbours: PromptNeighbours): readonly number[] {
    const encoded = this.#tokenizer.encode(text, this.#shape.contextLength);
    if (encoded.tooLong) throw this.#tooLong(encoded.atLeast, prompt, neighbours);
    return encoded.ids;
  }

  /** The wording is OpenAI's own: clients search for it. */
  #tooLong(numTokens: number, { field }: Prompt, { before, after }: PromptNeighbours): EngineError {
    const { contextLength } = this.#shape;
    const promptTokens = before + numTokens;
    const isPromptAlone = promptTokens >= contextLength || after === 0;
    return new EngineError(
      'CONTEXT_LENGTH_EXCEEDED',
      `This model's maximum context length is ${contextLength} tokens. However, you requested ` +
        `${promptTokens + after} tokens (${promptTokens} in the prompt, ${after} in the completion). ` +
        'Please reduce the length of the prompt or completion.',
      {
        field: isPromptAlone ? field : 'max_tokens',
        metadata: {
          contextLength: String(contextLength),
          promptTokens: String(promptTokens),
          maxTokens: String(after),
        },
      },
    );
  }
}
