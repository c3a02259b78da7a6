import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as TlsAgent } from 'node:https';
import { text as readText } from 'node:stream/consumers';
import { ERROR_CATALOGUE } from '../contract/error-catalogue.js';
import { type Attempt, AttemptClock, type CallOptions } from './attempt.js';
import type { Caller, CallerOptions } from './caller.js';
import type { LoadRequest } from './load-request.js';

/** Creates a caller that streams `POST /v1/completions`, on connections that it keeps. */
export function createHttpCaller({ target, apiKey, fault, timeoutMs, maxInFlight }: CallerOptions): Caller {
  const url = new URL('/v1/completions', target);
  const isSecure = url.protocol === 'https:';
  const limits = { keepAlive: true, maxSockets: maxInFlight };
  const agent = isSecure ? new TlsAgent(limits) : new Agent(limits);
  const headers = {
    'content-type': 'application/json',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    ...(fault === undefined ? {} : { 'x-linnet-fault': fault }),
  };
  const open = isSecure ? requestHttps : requestHttp;
  const caller: Caller = {
    async call(request, options) {
      const clock = new AttemptClock();
      const body = toBody(request);
      const length = Buffer.byteLength(body);
      const call = open(url, { agent, method: 'POST', headers: { ...headers, 'content-length': length } });
      const stop = endEarly(call, timeoutMs, options.signal);
      try {
        call.end(body);
        // Also a client that waits for no text leaves while its request is under way.
        if (options.leaveAfter === 0) await once(call, 'finish');
        if (options.leaveAfter === 0) return clock.end('left');
        const [response] = (await once(call, 'response')) as [IncomingMessage];
        const attempt = await readAnswer(response, clock, options);
        // The connection of an answer that was read to its end is kept.
        stop.isKept = response.complete;
        return attempt;
      } catch (error) {
        // The service has closed a connection that was idle for long, as this request was sent on it: try the next one.
        const isStale = call.reusedSocket && codeOf(error) === 'ECONNRESET' && clock.numParts === 0;
        if (isStale && stop.reason === undefined) return caller.call(request, options);
        return clock.fail(stop.reason ?? codeOf(error), false);
      } finally {
        stop.disarm();
      }
    },
    close: () => agent.destroy(),
  };
  return caller;
}

/** Ends a request at its timeout or when the signal says so, and whatever is left of it when it is disarmed. */
function endEarly(call: ClientRequest, timeoutMs: number, signal: AbortSignal) {
  const stop: { reason: string | undefined; isKept: boolean; disarm(): void } = {
    reason: undefined,
    isKept: false,
    disarm() {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      if (!stop.isKept) call.destroy();
    },
  };
  const end = (reason: string) => {
    stop.reason = reason;
    call.destroy(new Error(reason));
  };
  const abort = () => end('UNFINISHED');
  const timer = setTimeout(() => end('TIMEOUT'), timeoutMs);
  signal.addEventListener('abort', abort, { once: true });
  call.on('error', () => undefined);
  return stop;
}

async function readAnswer(
  response: IncomingMessage,
  clock: AttemptClock,
  { leaveAfter = Number.POSITIVE_INFINITY }: CallOptions,
): Promise<Attempt> {
  if (response.statusCode !== 200) {
    const error = parseJson(await readText(response)).error;
    return clock.fail(error ? toReason(error) : `HTTP ${response.statusCode}`, true);
  }
  let completionTokens = 0;
  let isDone = false;
  // Also after the last event it is read on, to the end of the response, so that its connection can be kept.
  for await (const event of readEvents(response)) {
    isDone = event === '[DONE]';
    const { error, text, usage } = isDone ? {} : parseJson(event);
    if (error) return clock.fail(toReason(error), true);
    if (text) clock.add(text);
    if (clock.numParts >= leaveAfter) return clock.end('left');
    completionTokens = usage?.completion_tokens ?? completionTokens;
  }
  return isDone ? clock.end('completed', { completionTokens }) : clock.fail('CUT', false);
}

async function* readEvents(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of response.setEncoding('utf8')) {
    const events = (rest + piece).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) if (event.startsWith('data: ')) yield event.slice('data: '.length);
  }
}

/** What is read of an answer or of an event. */
interface Answer {
  readonly error?: { readonly code?: string | null } | undefined;
  /** Of the only choice. */
  readonly text?: string | undefined;
  readonly usage?: { readonly completion_tokens: number } | null | undefined;
}

function parseJson(json: string): Answer {
  try {
    const { error, choices, usage } = JSON.parse(json);
    return { error, text: choices?.[0]?.text, usage };
  } catch {
    return { error: { code: 'NO_JSON' } };
  }
}

/** OpenAI's code of an error, as the catalogue's reason. */
function toReason({ code }: { readonly code?: string | null }): string {
  const known = Object.entries(ERROR_CATALOGUE).find(([, { openaiCode }]) => openaiCode === code);
  return known?.[0] ?? String(code);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'CUT';
}

function toBody({ promptTokenIds, maxTokens, model, temperature, seed }: LoadRequest): string {
  const named = model === '' ? {} : { model };
  const completion = { max_tokens: maxTokens, temperature, seed, ignore_eos: true };
  const stream = { stream: true, stream_options: { include_usage: true } };
  return JSON.stringify({ ...named, prompt: promptTokenIds, ...completion, ...stream });
}
