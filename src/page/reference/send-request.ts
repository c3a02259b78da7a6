/** A request as somebody has made it up. */
export interface TryRequest {
  readonly method: string;
  readonly path: string;
  /** Sent as it is, valid or not; undefined for none. */
  readonly body: string | undefined;
  /** The API key; empty for none. */
  readonly key: string;
}

/** An answer, as far as it has come. */
export interface TryAnswer {
  readonly status: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly text: string;
  /** Milliseconds until the headers came, and until now. */
  readonly headersMs: number;
  readonly totalMs: number;
}

/** The most characters of an answer that are kept. */
const MAX_LENGTH = 200_000;

/** Sends a request and yields its answer again and again while it comes. Throws what `fetch` throws. */
export async function* sendRequest(
  { method, path, body, key }: TryRequest,
  signal: AbortSignal,
): AsyncGenerator<TryAnswer> {
  const startedAt = performance.now();
  const headers = new Headers({ accept: 'application/json' });
  if (body !== undefined) headers.set('content-type', 'application/json');
  if (key !== '') headers.set('authorization', `Bearer ${key}`);
  // Paths are relative to the page, since a proxy may put the service below any path.
  const response = await fetch(`.${path}`, { method, headers, body: body ?? null, signal });
  const sinceStart = () => performance.now() - startedAt;
  let answer: TryAnswer = {
    status: `${response.status} ${response.statusText}`,
    headers: [...response.headers],
    text: '',
    headersMs: sinceStart(),
    totalMs: sinceStart(),
  };
  yield answer;
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    const text = answer.text + decoder.decode(bytes, { stream: true });
    answer = { ...answer, text: text.slice(0, MAX_LENGTH), totalMs: sinceStart() };
    yield answer;
  }
  if (isJson(response)) yield { ...answer, text: indent(answer.text) };
}

function isJson({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('application/json') === true;
}

function indent(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
