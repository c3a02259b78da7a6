import { expectSchema } from './documented.js';

/** A completion of one choice that was streamed, read to its end. */
export interface StreamedCompletion {
  /** The text of all chunks, joined. */
  readonly text: string;
  readonly finishReason: string | undefined;
  /** The chunks, parsed; those of an error too. */
  // biome-ignore lint/suspicious/noExplicitAny: what is in it is what the test checks.
  readonly chunks: readonly any[];
  /** Whether it ended as a stream that is whole does. */
  readonly isDone: boolean;
}

/** One choice of a stream, its parts joined. */
export interface StreamedChoice {
  readonly text: string;
  readonly finishReason: string | undefined;
  readonly logprobs: Readonly<
    Record<'tokens' | 'token_logprobs' | 'top_logprobs' | 'text_offset', unknown[]>
  >;
  readonly tokenIds: readonly number[];
  /** As often as they came. */
  readonly promptTokenIds: readonly (readonly number[])[];
}

/** A completion of several choices that was streamed, read to its end. */
export interface StreamedChoices extends Pick<StreamedCompletion, 'chunks' | 'isDone'> {
  /** By their indices. */
  readonly choices: readonly StreamedChoice[];
}

/** Reads the data of server-sent events as they arrive. Leaving the loop closes the connection. */
export async function* readEvents(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const bytes of response.body ?? []) {
    const events = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) if (event.startsWith('data: ')) yield event.slice('data: '.length);
  }
  if (rest !== '') throw new Error(`The stream ended within an event: ${rest}`);
}

/** Reads the rest of events. */
export async function readRest(events: AsyncIterable<string>): Promise<string[]> {
  const rest: string[] = [];
  for await (const event of events) rest.push(event);
  return rest;
}

/** Reads a streamed completion to its end. Its chunks must be as the OpenAPI document says. */
export async function readChoices(response: Response): Promise<StreamedChoices> {
  const events = await readRest(readEvents(response));
  const isDone = events.at(-1) === '[DONE]';
  const chunks = events.slice(0, isDone ? -1 : undefined).map((event) => JSON.parse(event));
  for (const chunk of chunks) expectSchema('error' in chunk ? 'Error' : 'CompletionChunk', chunk);
  // biome-ignore lint/suspicious/noExplicitAny: as `chunks`.
  const parts: any[] = chunks.flatMap((chunk) => chunk.choices ?? []);
  const numChoices = Math.max(0, ...parts.map(({ index }) => index + 1));
  const choices = Array.from({ length: numChoices }, (_, index) =>
    join(parts.filter((part) => part.index === index)),
  );
  return { chunks, isDone, choices };
}

/** Reads a streamed completion of one choice to its end. Its chunks must be as the OpenAPI document says. */
export async function readStream(response: Response): Promise<StreamedCompletion> {
  const { chunks, isDone, choices } = await readChoices(response);
  const [{ text = '', finishReason } = { finishReason: undefined }] = choices as Partial<StreamedChoice>[];
  return { text, finishReason, chunks, isDone };
}

// biome-ignore lint/suspicious/noExplicitAny: as `chunks`.
function join(parts: readonly any[]): StreamedChoice {
  const finishReasons = parts.map((part) => part.finish_reason).filter((reason) => reason !== null);
  if (finishReasons.length > 1) throw new Error('A choice has more than one finish_reason.');
  if (finishReasons.length > 0 && parts.at(-1).finish_reason === null) {
    throw new Error('A choice goes on after its end.');
  }
  const list = (name: string) => parts.flatMap((part) => part.logprobs?.[name] ?? []);
  return {
    text: parts.map(({ text }) => text).join(''),
    finishReason: finishReasons[0],
    logprobs: {
      tokens: list('tokens'),
      token_logprobs: list('token_logprobs'),
      top_logprobs: list('top_logprobs'),
      text_offset: list('text_offset'),
    },
    tokenIds: parts.flatMap((part) => part.token_ids ?? []),
    promptTokenIds: parts.flatMap((part) => (part.prompt_token_ids ? [part.prompt_token_ids] : [])),
  };
}
