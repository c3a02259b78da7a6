import type { Delta, Finished, TokenIds, Usage } from '../../contract/gen/linnet/v1/completion.js';
import { toLogprobs } from './completion-logprobs.js';
import { type CompletionHead, toEnding, toUsage } from './completion-response.js';
import type { CompletionChunk } from './completion-schemas.js';

type Choice = CompletionChunk['choices'][number];

/** What a request wants to see in its chunks. */
export interface ChunkOptions {
  /** Whether chunks tell the usage: null in all but the last one. */
  readonly includeUsage: boolean;
  /** Whether they tell log-probabilities. */
  readonly includeLogprobs: boolean;
  /** Whether a choice's last chunk tells where its time went. */
  readonly includeTimings: boolean;
  /** Choices of each prompt. */
  readonly n: number;
  /** The prompts' tokens, where chunks tell token ids. */
  readonly promptTokenIds?: readonly TokenIds[] | undefined;
}

/**
 * Makes the server-sent events of one stream. A stream is mostly chunks with a few letters each, so what they all have
 * in common is made once, and of such a chunk only its text is turned into JSON.
 */
export class CompletionChunks {
  readonly head: CompletionHead;
  readonly #options: ChunkOptions;
  /** What is before a chunk's choices. */
  readonly #start: string;
  /** What is after them. */
  readonly #end: string;
  /** What is after the text of a choice that carries nothing else, by the choice's index. */
  readonly #afterText: string[] = [];
  /** The choices of which a chunk was sent. */
  readonly #begun = new Set<number>();

  constructor(head: CompletionHead, options: ChunkOptions) {
    this.head = head;
    this.#options = options;
    this.#start = `data: ${JSON.stringify(head).slice(0, -1)},"choices":[`;
    this.#end = `]${options.includeUsage ? ',"usage":null' : ''}}\n\n`;
  }

  /** Makes the chunk of what came of a choice; undefined where the request wants to see nothing of it. */
  delta({ index, text, tokenIds, echoedTokens, logprobs }: Delta): string | undefined {
    const { includeLogprobs, promptTokenIds } = this.#options;
    if (!includeLogprobs && !promptTokenIds) return text === '' ? undefined : this.#textChunk(index, text);
    const tellsTokens = (includeLogprobs && logprobs.length > 0) || (promptTokenIds && tokenIds.length > 0);
    if (text === '' && !tellsTokens) return undefined;
    return this.#chunk({
      text,
      index,
      logprobs: includeLogprobs && logprobs.length > 0 ? toLogprobs(logprobs) : null,
      finish_reason: null,
      ...this.#tokenIds(index, tokenIds.slice(echoedTokens)),
    });
  }

  /** Makes the chunk that ends a choice: no text, only why. */
  finish(finished: Finished): string {
    const { index } = finished;
    return this.#chunk({
      text: '',
      index,
      logprobs: null,
      ...toEnding(finished, this.#options),
      ...this.#tokenIds(index, []),
    });
  }

  /** Makes the chunk that carries what the request consumed: no choices. */
  usage(usage: Usage | undefined): string {
    return `${this.#start}],"usage":${JSON.stringify(toUsage(usage))}}\n\n`;
  }

  #textChunk(index: number, text: string): string {
    this.#afterText[index] ??= `,"index":${index},"logprobs":null,"finish_reason":null}${this.#end}`;
    return `${this.#start}{"text":${JSON.stringify(text)}${this.#afterText[index]}`;
  }

  #chunk(choice: Choice): string {
    return this.#start + JSON.stringify(choice) + this.#end;
  }

  /** The prompt's come with the first chunk of each choice. */
  #tokenIds(index: number, tokenIds: number[]): Pick<Choice, 'token_ids' | 'prompt_token_ids'> {
    const { promptTokenIds, n } = this.#options;
    if (promptTokenIds === undefined) return {};
    if (this.#begun.has(index)) return { token_ids: tokenIds };
    this.#begun.add(index);
    return { token_ids: tokenIds, prompt_token_ids: promptTokenIds[Math.floor(index / n)]?.ids ?? [] };
  }
}
