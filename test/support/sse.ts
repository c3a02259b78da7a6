/** A completion that was streamed, read to its end. */
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

/** Reads a streamed completion to its end. */
export async function readStream(response: Response): Promise<StreamedCompletion> {
  const events: string[] = [];
  for await (const event of readEvents(response)) events.push(event);
  const isDone = events.at(-1) === '[DONE]';
  const chunks = events.slice(0, isDone ? -1 : undefined).map((event) => JSON.parse(event));
  const choices = chunks.flatMap((chunk) => chunk.choices ?? []);
  const finishReasons = choices.map((choice) => choice.finish_reason).filter((reason) => reason !== null);
  if (finishReasons.length > 1) throw new Error('The stream has more than one finish_reason.');
  return { text: choices.map(({ text }) => text).join(''), finishReason: finishReasons[0], chunks, isDone };
}
