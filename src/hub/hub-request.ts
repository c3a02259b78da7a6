import { HubError } from './hub-error.js';

/** What every request to the Hub shares. */
export interface HubAccess {
  /** Such as `https://huggingface.co`. */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** How requests name the program that makes them. */
  readonly userAgent: string;
  /** How long a server may be silent: before it answers, and between two pieces of the answer. Milliseconds. */
  readonly silenceLimitMs: number;
}

/** One request. */
export interface HubRequest {
  readonly url: string;
  readonly method: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  /** Which redirects to follow: all of them, or those that stay on the Hub, such as a repository's new name. */
  readonly redirects: 'all' | 'same-origin';
  readonly signal: AbortSignal;
}

/** An answer. Its body must be read or cancelled. */
export interface HubResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Gives the body in pieces. */
  readonly body: () => AsyncGenerator<Uint8Array>;
  readonly cancel: () => void;
}

const MAX_REDIRECTS = 10;

/**
 * Makes a request. The token goes to the endpoint and to no other host, whatever it redirects to.
 *
 * @throws HubError for a status of 400 and more, for a network that fails and a server that is silent (both transient).
 */
export async function requestHub(access: HubAccess, request: HubRequest): Promise<HubResponse> {
  let { url } = request;
  request.signal.throwIfAborted();
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await requestOnce(access, { ...request, url });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) {
      return response.status < 400 ? response : refuse(response, url, access.token);
    }
    const target = new URL(location, url);
    if (request.redirects === 'same-origin' && target.origin !== new URL(url).origin) return response;
    response.cancel();
    if (!/^https?:$/.test(target.protocol)) throw new HubError(`${url} redirects to ${target.protocol}.`);
    url = target.href;
  }
  throw new HubError(`${request.url} redirects in a circle.`);
}

async function requestOnce(access: HubAccess, request: HubRequest): Promise<HubResponse> {
  const { url, method, signal } = request;
  const mayKnowToken = access.token !== undefined && new URL(url).origin === new URL(access.endpoint).origin;
  const patience: Patience = {
    limitMs: access.silenceLimitMs,
    signal,
    connection: new AbortController(),
    url,
  };
  const response = await patiently(
    fetch(url, {
      method,
      redirect: 'manual',
      signal: patience.connection.signal,
      headers: {
        'user-agent': access.userAgent,
        // Sizes and ranges are those of the file, not of a compressed form of it.
        'accept-encoding': 'identity',
        ...(mayKnowToken && { authorization: `Bearer ${access.token}` }),
        ...request.headers,
      },
    }),
    patience,
  );
  const reader = response.body?.getReader();
  return {
    status: response.status,
    headers: response.headers,
    async *body() {
      while (reader !== undefined) {
        const { done, value } = await patiently(reader.read(), patience);
        if (done) return;
        yield value;
      }
    },
    // Nothing depends on when that is done, and a connection that was ended never says that it is.
    cancel: () => void reader?.cancel().catch(() => undefined),
  };
}

/** How long to wait for a server. */
interface Patience {
  /** For each of its words. Milliseconds. */
  readonly limitMs: number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Ends the connection. */
  readonly connection: AbortController;
  readonly url: string;
}

/**
 * Waits for the next word of a server. Gives up by itself, and not because `fetch` does: on Node 20 one whose signal
 * aborts may go on waiting.
 *
 * @throws HubError, transient, where the network fails or the server says nothing; the signal's reason where it aborts.
 */
async function patiently<T>(promise: Promise<T>, { limitMs, signal, connection, url }: Patience): Promise<T> {
  let stopWaiting = () => {};
  const givenUp = new Promise<never>((_, reject) => {
    const onAbort = () => reject(signal.reason);
    const timer = setTimeout(() => reject(new Error(`said nothing for ${limitMs} ms`)), limitMs);
    signal.addEventListener('abort', onAbort, { once: true });
    stopWaiting = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
  });
  try {
    return await Promise.race([promise, givenUp]);
  } catch (cause) {
    connection.abort();
    signal.throwIfAborted();
    const problem = `${new URL(url).origin} can't be reached or broke off: ${causeOf(cause)}.`;
    throw new HubError(problem, { transient: true, cause });
  } finally {
    stopWaiting();
  }
}

/** `fetch` says "fetch failed"; what failed is in the cause. */
function causeOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}

function refuse(response: HubResponse, url: string, token: string | undefined): never {
  response.cancel();
  const { status, headers } = response;
  const said = headers.get('x-error-message');
  const transient = status >= 500 || status === 429 || status === 408;
  const retryAfter = Number(headers.get('retry-after') ?? Number.NaN);
  throw new HubError(
    `${url} answers ${status}${said ? `: ${said.replace(/\.$/, '')}` : ''}.${adviceFor(status, token)}`,
    {
      transient,
      retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
    },
  );
}

function adviceFor(status: number, token: string | undefined): string {
  if (status === 401 && token === undefined) {
    return ' Either there is no such repository, or it is private: then set HF_TOKEN to a token that may read it.';
  }
  if (status === 401) return ' The token (HF_TOKEN, or the token file in HF_HOME) is not valid for it.';
  if (status === 403) return ' Accept its conditions on its page, with the account of your HF_TOKEN.';
  if (status === 404) return ' Check the name, and the revision after "@".';
  return '';
}
