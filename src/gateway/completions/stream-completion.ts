import type { Response } from 'express';
import type { Accepted, Finished } from '../../contract/gen/linnet/v1/completion.js';
import { addErrorToLog } from '../errors/error-handler.js';
import { GatewayError } from '../errors/gateway-error.js';
import { SseStream, type SseStreamOptions } from '../http/sse-stream.js';
import { type ChunkOptions, CompletionChunks } from './completion-chunks.js';
import type { CompletionRequest } from './completion-request.js';
import { toHead } from './completion-response.js';
import { addCompletionToLog, type CompletionSource } from './completion-source.js';

/**
 * Answers with server-sent events: chunks of the choices as they come, the usage where it was asked for, `[DONE]`.
 * Where the stream fails after its beginning, one error is its last event.
 *
 * @throws GatewayError while the response has not begun.
 */
export async function streamCompletion(
  response: Response,
  source: CompletionSource,
  options: SseStreamOptions,
): Promise<void> {
  const sse = new SseStream(response, options);
  try {
    await sendEvents(response, source, sse);
    sse.end();
  } catch (caught) {
    if (!response.headersSent) {
      sse.release();
      throw caught;
    }
    const error = GatewayError.from(caught);
    addErrorToLog(response, error);
    sse.fail(error);
  }
}

async function sendEvents(
  response: Response,
  { id, request, events }: CompletionSource,
  sse: SseStream,
): Promise<void> {
  const startedAtMs = performance.now();
  let chunks: CompletionChunks | undefined;
  const endings: Finished[] = [];
  for await (const { $case, value } of events) {
    let event: string | undefined;
    switch ($case) {
      case 'accepted':
        chunks = new CompletionChunks(toHead(id, value), toChunkOptions(request, value));
        // Of the rest nothing is known when the headers leave.
        if (!response.headersSent)
          response.set('server-timing', `accept;dur=${(performance.now() - startedAtMs).toFixed(1)}`);
        sse.open();
        break;
      case 'delta':
        event = chunks?.delta(value);
        break;
      case 'finished':
        endings.push(value);
        event = chunks?.finish(value);
        break;
    }
    if (event !== undefined && !sse.send(event)) await sse.drained();
  }
  if (chunks === undefined) throw new Error('The completion ended without being accepted.');
  addCompletionToLog(response, chunks.head, endings);
  if (request.includeUsage) sse.send(chunks.usage(endings.at(-1)?.usage));
}

function toChunkOptions(
  { includeUsage, includeTimings, generate }: CompletionRequest,
  { prompts }: Accepted,
): ChunkOptions {
  return {
    includeUsage,
    includeTimings,
    includeLogprobs: generate.logprobs !== undefined,
    n: generate.n ?? 1,
    promptTokenIds: generate.returnPromptTokenIds ? prompts : undefined,
  };
}
