import { EngineError, type RequestReport } from '../../engine/index.js';
import { AccessError } from '../../security/access-error.js';
import type { OpenSpan, Tracer } from '../../telemetry/tracer.js';
import type { Operation } from '../metrics/request-metrics.js';
import type { CallScope } from './call-scope.js';

/** The trace of one request to generate or to score. */
export interface RequestTrace {
  /** The request has ended in the engine. */
  observe(report: RequestReport): void;
  /** The call has failed, in the engine or before. */
  fail(caught: unknown): void;
  /** The call is over. To be called once, in any case. */
  end(): void;
}

/** Begins the trace of a call. Without a tracer the log names the caller's trace all the same. */
export function startRequestTrace(
  scope: CallScope,
  { tracer, operation }: { readonly tracer: Tracer | undefined; readonly operation: Operation },
): RequestTrace {
  const span = tracer?.start(operation, scope.traceParent);
  if (span !== undefined) scope.note({ traceId: span.context.traceId });
  let report: RequestReport | undefined;
  let failure: unknown;
  return {
    observe(ended) {
      report = ended;
    },
    fail(caught) {
      failure = caught;
    },
    end() {
      if (span === undefined) return;
      if (report !== undefined) addPhases(span, report);
      const reason = reasonOf(failure ?? report?.error);
      span.end({
        name: report?.model === undefined ? undefined : `${operation} ${report.model}`,
        attributes: {
          'gen_ai.operation.name': operation,
          'gen_ai.provider.name': 'linnet',
          'linnet.request_id': scope.requestId,
          'linnet.key_id': scope.caller?.id,
          'error.type': reason,
          ...toAttributes(report),
        },
        // What the caller did wrong, or gave up, is no error of the service.
        isError: reason === 'INTERNAL' || reason === 'MODEL_LOAD_FAILED' || reason === 'ENGINE_UNAVAILABLE',
      });
    },
  };
}

function addPhases(span: OpenSpan, { moments }: RequestReport): void {
  const { arrivedAtMs, firstStepAtMs, firstTokenAtMs, lastTokenAtMs, endedAtMs } = moments;
  const queueEndMs = firstStepAtMs ?? endedAtMs;
  span.addPhase({ name: 'queue', startMs: arrivedAtMs, endMs: queueEndMs });
  if (firstStepAtMs === undefined) return;
  span.addPhase({ name: 'prefill', startMs: firstStepAtMs, endMs: firstTokenAtMs ?? endedAtMs });
  if (firstTokenAtMs === undefined) return;
  span.addPhase({ name: 'decode', startMs: firstTokenAtMs, endMs: lastTokenAtMs ?? firstTokenAtMs });
}

function toAttributes(report: RequestReport | undefined) {
  if (report === undefined) return {};
  const { model, usage, finishReasons } = report;
  return {
    'gen_ai.request.model': model,
    'gen_ai.usage.input_tokens': usage.promptTokens,
    'gen_ai.usage.output_tokens': usage.completionTokens,
    'gen_ai.response.finish_reasons': finishReasons.length > 0 ? finishReasons : undefined,
  };
}

function reasonOf(failure: unknown): string | undefined {
  if (failure === undefined) return undefined;
  return failure instanceof AccessError ? failure.status.reason : EngineError.from(failure).reason;
}
