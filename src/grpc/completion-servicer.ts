import {
  CancelRequest,
  type CancelResponse,
  CompletionService,
  type GenerateResponse,
  GenerateRequest as WireRequest,
  GenerateResponse as WireResponse,
} from '../contract/gen/linnet/v1/completion.js';
import type { DeltaEvent, Engine, GenerateEvent } from '../engine/index.js';
import type { KeyUsage } from '../security/key-usage.js';
import type { CallScope } from './call-scope.js';
import { parseCancelKey, parseGenerateRequest } from './generate-request.js';
import { toGenerateResponse } from './generate-response.js';
import { createSerializer } from './message-serializer.js';
import { type Rpc, type RpcOptions, serverStreamRpc, unaryRpc } from './rpc.js';
import type { RunningRequests } from './running-requests.js';

/** What completes text, and where its requests are kept. */
export interface CompletionServicerDeps {
  readonly engine: Engine;
  readonly running: RunningRequests;
  /** What the callers' API keys have used of their limits. */
  readonly usage: KeyUsage;
}

/**
 * Makes the RPCs of `linnet.v1.Completion`.
 *
 * `Cancel` is there because of a limit that a server can't lift: Node 20 closes an HTTP/2 connection, with every
 * stream on it, once a client has reset 1,000 of its streams and goes on at more than 33 a second, and cancelling a
 * gRPC call resets its stream. A client that has many callers on one connection should send a `cancel_key`, call
 * `Cancel`, and read on until the stream ends; where the answer is 0, or the stream doesn't end in time, it cancels
 * the call after all.
 */
export function createCompletionRpcs(deps: CompletionServicerDeps, options: RpcOptions) {
  const generate = serverStreamRpc(
    {
      method: { ...CompletionService.generate, responseSerialize: createSerializer(WireResponse) },
      request: WireRequest,
      answer: (wire, scope) => streamCompletion(wire, scope, deps),
      level: 'info',
    },
    options,
  );
  const answer = ({ cancelKey }: CancelRequest): CancelResponse => ({
    cancelledRequests: deps.running.cancel(parseCancelKey(cancelKey)),
  });
  const cancel = unaryRpc({ method: CompletionService.cancel, request: CancelRequest, answer }, options);
  return { generate, cancel } satisfies Record<keyof typeof CompletionService, Rpc>;
}

/** Streams one completion. Nothing goes out before the engine accepts, so that a refusal can be retried elsewhere. */
async function* streamCompletion(
  wire: WireRequest,
  scope: CallScope,
  { engine, running, usage }: CompletionServicerDeps,
): AsyncGenerator<GenerateResponse> {
  const { request, cancelKey } = parseGenerateRequest(wire);
  const details = { requestId: scope.requestId, seed: request.sampling.seed };
  const admission = scope.caller && usage.admit(scope.caller);
  let remove: (() => void) | undefined;
  try {
    remove = running.add(scope.abort, cancelKey);
    for await (const event of engine.generate(
      { ...request, deadlineAtMs: scope.deadlineAtMs },
      scope.signal,
    )) {
      if (event.type !== 'delta') scope.note(toNotes(event));
      admission?.charge(tokensOf(event));
      yield toGenerateResponse(event, details);
    }
  } finally {
    remove?.();
    admission?.release();
  }
}

/** Counts the tokens that an event adds to what the request has used. */
function tokensOf(event: GenerateEvent): number {
  switch (event.type) {
    case 'accepted':
      return event.promptTokens;
    case 'delta':
      return event.tokenIds.length;
    case 'finished':
      return 0;
  }
}

/** What the log tells of an event: counts, reasons and times, never text. */
function toNotes(event: Exclude<GenerateEvent, DeltaEvent>): Record<string, unknown> {
  switch (event.type) {
    case 'accepted':
      return { model: event.model, promptTokens: event.promptTokens, cachedTokens: event.cachedTokens };
    case 'finished': {
      const { usage, timings, finishReason } = event;
      return { completionTokens: usage.completionTokens, finishReason, ...timings };
    }
  }
}
