import type { CompletionRequest } from './completion-request.js';
import { callService, type ServiceAccess } from './service.js';
import { ServiceFailure, toFailure } from './service-failure.js';
import { readSseData } from './sse-data.js';

/** OpenAI's object of log-probabilities: lists with one entry for each token. */
export interface Logprobs {
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly (number | null)[];
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
}

/** The data of one event of a stream, as far as the page reads it. */
export interface CompletionChunk {
  readonly choices: readonly {
    readonly text: string;
    readonly logprobs: Logprobs | null;
    readonly finish_reason: 'stop' | 'length' | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  } | null;
}

/** The most alternatives that the service tells of each token. */
const MAX_LOGPROBS = 5;

/**
 * Asks for a completion and yields its chunks as they come, with log-probabilities, the usage in the last one.
 *
 * @throws ServiceFailure where it is refused, nobody answers, or the stream ends before it is whole; the signal's
 *   reason where that ended it.
 */
export async function* streamCompletion(
  request: CompletionRequest,
  access: ServiceAccess,
): AsyncGenerator<CompletionChunk> {
  const body = {
    ...request,
    stream: true,
    stream_options: { include_usage: true },
    logprobs: MAX_LOGPROBS,
  };
  const response = await callService('v1/completions', { ...access, body });
  let isWhole = false;
  try {
    if (response.body === null) throw new ServiceFailure('broken', 'The answer had no body.');
    for await (const data of readSseData(response.body)) {
      isWhole = data === '[DONE]';
      if (isWhole) continue;
      const chunk = JSON.parse(data);
      if ('error' in chunk) throw toFailure(chunk);
      yield chunk;
    }
  } catch (caught) {
    access.signal?.throwIfAborted();
    throw ServiceFailure.from(caught, 'broken');
  }
  if (!isWhole) throw ServiceFailure.from(undefined, 'broken');
}
