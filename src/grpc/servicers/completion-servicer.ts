import {
  CancelRequest,
  type CancelResponse,
  CompletionService,
  type GenerateResponse,
  ScoreRequest,
  type ScoreResponse,
  GenerateRequest as WireRequest,
  GenerateResponse as WireResponse,
} from '../../contract/gen/linnet/v1/completion.js';
import type { Engine, GenerateEvent, RequestReport } from '../../engine/index.js';
import type { Admission, KeyUsage } from '../../security/key-usage.js';
import type { CallScope } from '../calls/call-scope.js';
import { LoggedText } from '../calls/logged-text.js';
import { toNotes } from '../calls/report-notes.js';
import { startRequestTrace } from '../calls/request-trace.js';
import { type Rpc, type RpcOptions, type StreamingCall, serverStreamRpc, unaryRpc } from '../calls/rpc.js';
import type { RunningRequests } from '../calls/running-requests.js';
import { parseCancelKey } from '../messages/cancel-key.js';
import { parseGenerateRequest } from '../messages/generate-request.js';
import { countPromptTokens, toGenerateResponse } from '../messages/generate-response.js';
import { createSerializer } from '../messages/message-serializer.js';
import { parseScoreRequest } from '../messages/score-request.js';
import { toScoreResponse } from '../messages/score-response.js';

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
  const { metrics, tracer, logText } = options;
  const generate = serverStreamRpc(
    {
      method: { ...CompletionService.generate, responseSerialize: createSerializer(WireResponse) },
      request: WireRequest,
      answer: (wire, call) => writeCompletions(wire, call, { ...deps, metrics, tracer, logText }),
      level: 'info',
    },
    options,
  );
  const answer = ({ cancelKey }: CancelRequest): CancelResponse => ({
    cancelledRequests: deps.running.cancel(parseCancelKey(cancelKey)),
  });
  const cancel = unaryRpc({ method: CompletionService.cancel, request: CancelRequest, answer }, options);
  const score = unaryRpc(
    {
      method: CompletionService.score,
      request: ScoreRequest,
      answer: (wire: ScoreRequest, scope) => scoreTexts(wire, scope, { ...deps, metrics, tracer, logText }),
      level: 'info',
    },
    options,
  );
  return { generate, cancel, score } satisfies Record<keyof typeof CompletionService, Rpc>;
}

type AnswerDeps = CompletionServicerDeps & Pick<RpcOptions, 'metrics' | 'tracer' | 'logText'>;

/** Writes completions. Nothing goes out before the engine accepts, so that a refusal can be retried elsewhere. */
async function writeCompletions(
  wire: WireRequest,
  { scope, responses }: StreamingCall<GenerateResponse>,
  { engine, running, usage, metrics, tracer, logText }: AnswerDeps,
): Promise<void> {
  const trace = startRequestTrace(scope, { tracer, operation: 'text_completion' });
  let admission: Admission | undefined;
  let remove: (() => void) | undefined;
  try {
    const { request, cancelKey, returnPromptTokenIds } = parseGenerateRequest(wire);
    const details = { requestId: scope.requestId, seed: request.sampling.seed, returnPromptTokenIds };
    admission = scope.caller && usage.admit(scope.caller);
    remove = running.add(scope.abort, cancelKey);
    const { deadlineAtMs, signal } = scope;
    const onEnd = (report: RequestReport) => {
      metrics?.observeRequest(report, 'text_completion');
      trace.observe(report);
      scope.note(toNotes(report));
    };
    const text = logText ? new LoggedText(request.prompts) : undefined;
    if (text !== undefined) scope.note(text.fields);
    for await (const event of engine.generate(
      { ...request, tenant: scope.caller?.id, deadlineAtMs, onEnd },
      signal,
    )) {
      admission?.charge(tokensOf(event));
      text?.take(event);
      if (!responses.write(toGenerateResponse(event, details))) await responses.drained();
    }
  } catch (caught) {
    trace.fail(caught);
    throw caught;
  } finally {
    remove?.();
    admission?.release();
    trace.end();
  }
}

/** Counts the tokens that an event adds to what the request has used. */
function tokensOf(event: GenerateEvent): number {
  switch (event.type) {
    case 'accepted':
      return countPromptTokens(event);
    case 'delta':
      return event.tokenIds.length - event.echoedTokens;
    case 'finished':
      return 0;
  }
}

async function scoreTexts(
  wire: ScoreRequest,
  scope: CallScope,
  { engine, running, usage, metrics, tracer }: AnswerDeps,
): Promise<ScoreResponse> {
  const trace = startRequestTrace(scope, { tracer, operation: 'score' });
  const onEnd = (report: RequestReport) => {
    metrics?.observeRequest(report, 'score');
    trace.observe(report);
    scope.note({ ...toNotes(report), texts: report.numSequences });
  };
  let admission: Admission | undefined;
  let remove: (() => void) | undefined;
  try {
    const { request, cancelKey } = parseScoreRequest(wire);
    const { caller, deadlineAtMs, signal } = scope;
    admission = caller && usage.admit(caller);
    remove = running.add(scope.abort, cancelKey);
    const result = await engine.score({ ...request, tenant: caller?.id, deadlineAtMs, onEnd }, signal);
    admission?.charge(result.usage.promptTokens);
    return toScoreResponse(result, scope.requestId);
  } catch (caught) {
    trace.fail(caught);
    throw caught;
  } finally {
    remove?.();
    admission?.release();
    trace.end();
  }
}
