import type { RequestHandler } from 'express';
import type { GatewayConfig } from '../gateway-config.js';
import { callerOf } from '../http/request-caller.js';
import { setIgnoredFields } from '../http/request-headers.js';
import { createRequestSignal } from '../http/request-signal.js';
import type { Lifecycle } from '../lifecycle.js';
import type { CompletionClient } from '../upstream/completion-client.js';
import { createAnswerId } from './answer-id.js';
import { collectCompletion } from './collect-completion.js';
import { parseCompletionRequest } from './completion-request.js';
import { timeoutOf } from './request-timeout.js';
import { streamCompletion } from './stream-completion.js';

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
  return async (httpRequest, response) => {
    const request = parseCompletionRequest(httpRequest.body);
    setIgnoredFields(response, request.ignoredFields);
    const requestId = response.get('x-request-id') ?? '';
    const events = completions.generate(request.generate, {
      ...callerOf(httpRequest, response),
      signal: createRequestSignal(response, lifecycle.cutOff),
      timeoutMs: timeoutOf(httpRequest, request),
    });
    const source = {
      id: createAnswerId('cmpl', requestId, httpRequest.get('x-request-id')),
      request,
      events,
    };
    if (request.stream) await streamCompletion(response, source, config);
    else await collectCompletion(response, source);
  };
}
