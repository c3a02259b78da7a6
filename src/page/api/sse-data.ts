/**
 * Reads the data of server-sent events, one string for each event, as they come. Comments and other fields are passed
 * over. A reader that stops early cancels the body.
 */
export async function* readSseData(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = (rest + decoder.decode(value, { stream: true })).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        const data = toData(event);
        if (data !== undefined) yield data;
      }
    }
  } finally {
    // One that has failed can't be cancelled any more.
    await reader.cancel().catch(() => undefined);
  }
}

function toData(event: string): string | undefined {
  const lines = event.split('\n').filter((line) => line.startsWith('data:'));
  return lines.length === 0 ? undefined : lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n');
}
