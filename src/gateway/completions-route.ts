import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import type { Accepted, Finished } from '../contract/gen/linnet/v1/completion.js';
import type { CompletionClient, CompletionEvent } from './completion-client.js';
import { type CompletionRequest, parseCompletionRequest } from './completion-request.js';
import {
  type CompletionHead,
  toCompletion,
  toFinishChunk,
  toFinishReason,
  toTextChunk,
  toUsageChunk,
} from './completion-response.js';
import { addErrorToLog } from './error-handler.js';
import type { GatewayConfig } from './gateway-config.js';
import { GatewayError } from './gateway-error.js';
import { apiKeyOf } from './key-guard.js';
import type { Lifecycle } from './lifecycle.js';
import { addToRequestLog } from './request-log.js';
import { createRequestSignal } from './request-signal.js';
import { timeoutOf } from './request-timeout.js';
import { SseStream, type SseStreamOptions } from './sse-stream.js';

/** What the route needs. */
export interface CompletionsRouteDeps {
  readonly completions: CompletionClient;
  readonly config: GatewayConfig;
  readonly lifecycle: Lifecycle;
}

/** Makes the handler of `POST /v1/completions`: streams the completion, or collects it into one answer. */
export function createCompletionsRoute({
  completions,
  config,
  lifecycle,
}: CompletionsRouteDeps): RequestHandler {
  return async (request, response) => {
    const parsed = parseCompletionRequest(request.body);
    if (parsed.ignoredFields.length > 0) {
      response.set('x-linnet-ignored-fields', parsed.ignoredFields.join(', '));
    }
    const signal = createRequestSignal(response, lifecycle.cutOff);
    const requestId = response.get('x-request-id') ?? '';
    const timeoutMs = timeoutOf(request, parsed);
    const events = completions.generate(parsed.generate, {
      ...{ requestId, signal, timeoutMs },
      apiKey: apiKeyOf(request),
    });
    const source = { id: createCompletionId(requestId, request.get('x-request-id')), events };
    if (parsed.stream) await streamCompletion(response, source, { ...config, ...parsed });
    else await collectCompletion(response, source);
  };
}

interface CompletionSource {
  /** The id of the completion. */
  readonly id: string;
  readonly events: AsyncIterable<CompletionEvent>;
}

async function streamCompletion(
  response: Response,
  { id, events }: CompletionSource,
  options: SseStreamOptions & Pick<CompletionRequest, 'includeUsage'>,
): Promise<void> {
  const { includeUsage } = options;
  const sse = new SseStream(response, options);
  const send = (chunk: object) => sse.send(includeUsage ? { ...chunk, usage: null } : chunk);
  let head: CompletionHead = { id, created: 0, model: '', systemFingerprint: '' };
  try {
    for await (const { $case, value } of events) {
      switch ($case) {
        case 'accepted':
          head = toHead(id, value);
          sse.open();
          break;
        case 'delta':
          if (value.text !== '') await send(toTextChunk(head, value.text));
          break;
        case 'finished':
          addFinishedToLog(response, head, value);
          await send(toFinishChunk(head, value));
          if (includeUsage) await sse.send(toUsageChunk(head, value));
          break;
      }
    }
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

async function collectCompletion(response: Response, { id, events }: CompletionSource): Promise<void> {
  let head: CompletionHead = { id, created: 0, model: '', systemFingerprint: '' };
  let text = '';
  let finished: Finished | undefined;
  try {
    for await (const { $case, value } of events) {
      if ($case === 'accepted') head = toHead(id, value);
      if ($case === 'delta') text += value.text;
      if ($case === 'finished') finished = value;
    }
  } catch (caught) {
    throw GatewayError.from(caught).withPartialText(text);
  }
  if (finished === undefined) throw new Error('The completion ended without being finished.');
  addFinishedToLog(response, head, finished);
  response.json(toCompletion(head, text, finished));
}

// Has the request's id in it, unless that is the caller's own: nobody promises that those are unique.
function createCompletionId(requestId: string, given: string | undefined): string {
  return `cmpl-${requestId === given ? randomUUID() : requestId}`;
}

function toHead(id: string, { model, systemFingerprint }: Accepted): CompletionHead {
  return { id, created: Math.floor(Date.now() / 1000), model, systemFingerprint };
}

function addFinishedToLog(response: Response, { id, model }: CompletionHead, finished: Finished): void {
  addToRequestLog(response, {
    completionId: id,
    model,
    ...finished.usage,
    finishReason: toFinishReason(finished.finishReason),
  });
}
