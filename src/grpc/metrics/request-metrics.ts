import { Counter, Histogram, type Registry } from 'prom-client';
import type { EngineError, RequestReport } from '../../engine/index.js';
import {
  FIRST_TOKEN_SECONDS,
  REQUEST_SECONDS,
  TOKEN_COUNTS,
  TOKEN_SECONDS,
  VLLM_FIRST_TOKEN_SECONDS,
  VLLM_REQUEST_SECONDS,
  VLLM_TOKEN_SECONDS,
} from '../../telemetry/histogram-buckets.js';
import { VLLM_LABELS } from './model-tally.js';

/** What a request asked for, in the words of OpenTelemetry. */
export type Operation = 'text_completion' | 'score';

const GEN_AI = ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model'] as const;
const VLLM = ['model_name', 'engine'] as const;
/** Stands for all names that no model has: callers make them up. */
const UNKNOWN_MODEL = 'unknown';

/** The metrics of requests, observed once for each when it has ended. */
export class RequestMetrics {
  readonly #registry: Registry;
  readonly #observers: readonly ((report: RequestReport, operation: Operation) => void)[];

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#observers = [this.#createOwn(), this.#createGenAi(), this.#createVllm()];
  }

  /** A request has ended, in whatever way. */
  observe(report: RequestReport, operation: Operation): void {
    for (const observe of this.#observers) observe(report, operation);
  }

  #createOwn() {
    const choices = this.#counter('linnet_choices_total', 'Choices that ended by themselves.', [
      ...(['model', 'finish_reason'] as const),
    ]);
    const requests = this.#counter(
      'linnet_requests_total',
      'Requests that ended, by the reason of failure.',
      [...(['model', 'operation', 'outcome'] as const)],
    );
    const early = this.#counter(
      'linnet_requests_ended_early_total',
      'Requests that ended early: where, and why.',
      [...(['model', 'phase', 'reason'] as const)],
    );
    const refused = this.#counter(
      'linnet_requests_refused_total',
      'Requests that were refused because of who else waits, by the bound that they met.',
      [...(['model', 'limit'] as const)],
    );
    return ({ model = UNKNOWN_MODEL, phase, error, finishReasons }: RequestReport, operation: Operation) => {
      requests.inc({ model, operation, outcome: error?.reason ?? 'OK' });
      if (error !== undefined) early.inc({ model, phase, reason: error.reason });
      for (const reason of finishReasons) choices.inc({ model, finish_reason: reason });
      const limit = error && limitOf(error);
      if (limit !== undefined) refused.inc({ model, limit });
    };
  }

  #createGenAi() {
    const duration = this.#histogram('gen_ai_server_request_duration_seconds', 'Time of a request.', {
      ...{ labelNames: [...GEN_AI, 'error_type'], buckets: REQUEST_SECONDS },
    });
    const first = this.#histogram(
      'gen_ai_server_time_to_first_token_seconds',
      'Time from the arrival of a request that is answered to its first token.',
      { labelNames: [...GEN_AI], buckets: FIRST_TOKEN_SECONDS },
    );
    const perToken = this.#histogram(
      'gen_ai_server_time_per_output_token_seconds',
      'Mean time of a token after the first one, of a request that is answered.',
      { labelNames: [...GEN_AI], buckets: TOKEN_SECONDS },
    );
    return (report: RequestReport, operation: Operation) => {
      const { model = UNKNOWN_MODEL, error } = report;
      const labels = {
        ...{ gen_ai_operation_name: operation, gen_ai_provider_name: 'linnet', gen_ai_request_model: model },
      };
      const { totalSeconds, firstTokenSeconds, perTokenSeconds } = timesOf(report);
      duration.observe({ ...labels, error_type: error?.reason ?? '' }, totalSeconds);
      if (error !== undefined) return;
      if (firstTokenSeconds !== undefined) first.observe(labels, firstTokenSeconds);
      if (perTokenSeconds !== undefined) perToken.observe(labels, perTokenSeconds);
    };
  }

  #createVllm() {
    const seconds = (name: string, help: string, buckets = VLLM_REQUEST_SECONDS) =>
      this.#histogram(`vllm:${name}_seconds`, help, { labelNames: [...VLLM], buckets });
    const tokens = (name: string, help: string) =>
      this.#histogram(`vllm:${name}`, help, { labelNames: [...VLLM], buckets: TOKEN_COUNTS });
    const metrics = {
      firstTokenSeconds: seconds('time_to_first_token', 'Time to the first token.', VLLM_FIRST_TOKEN_SECONDS),
      perTokenSeconds: seconds('request_time_per_output_token', 'Mean time of a token.', VLLM_TOKEN_SECONDS),
      totalSeconds: seconds('e2e_request_latency', 'Time of a request.'),
      queueSeconds: seconds('request_queue_time', 'Time from arrival to the first step.'),
      prefillSeconds: seconds('request_prefill_time', 'Time from the first step to the first token.'),
      decodeSeconds: seconds('request_decode_time', 'Time from the first token to the last.'),
      inferenceSeconds: seconds('request_inference_time', 'Time from the first step to the last token.'),
    };
    const promptTokens = tokens('request_prompt_tokens', 'Tokens of prompts of a request.');
    const generatedTokens = tokens('request_generation_tokens', 'Tokens generated for a request.');
    const success = this.#counter('vllm:request_success_total', 'Choices that ended, by reason.', [
      ...([...VLLM, 'finished_reason'] as const),
    ]);
    return (report: RequestReport, operation: Operation) => {
      const { model, usage, error, finishReasons } = report;
      if (operation !== 'text_completion' || model === undefined) return;
      const labels = VLLM_LABELS(model);
      for (const reason of finishReasons) success.inc({ ...labels, finished_reason: reason });
      if (error !== undefined) {
        if (report.moments.firstStepAtMs !== undefined) success.inc({ ...labels, finished_reason: 'abort' });
        return;
      }
      const times = timesOf(report);
      for (const [name, metric] of Object.entries(metrics)) {
        const value = times[name as keyof typeof metrics];
        if (value !== undefined) metric.observe(labels, value);
      }
      promptTokens.observe(labels, usage.promptTokens);
      generatedTokens.observe(labels, usage.completionTokens);
    };
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    options: { readonly labelNames: Label[]; readonly buckets: number[] },
  ): Histogram<Label> {
    return new Histogram({ name, help, registers: [this.#registry], ...options });
  }
}

/** Which bound of the queue a request met, if that is why it failed. */
function limitOf({ reason, metadata }: EngineError): string | undefined {
  if (reason === 'QUEUE_FULL') return metadata['limit'] ?? 'loading';
  return reason === 'DEADLINE_EXCEEDED' && metadata['phase'] === 'refused' ? 'deadline' : undefined;
}

/** Where a request's time went, in seconds; undefined for what there was not. */
function timesOf({ moments, usage, numSequences }: RequestReport) {
  const { arrivedAtMs, firstStepAtMs, firstTokenAtMs, lastTokenAtMs, endedAtMs } = moments;
  const decodeSeconds = between(firstTokenAtMs, lastTokenAtMs);
  // Sequences of one request decode side by side.
  const numGaps = usage.completionTokens / Math.max(1, numSequences) - 1;
  return {
    totalSeconds: (endedAtMs - arrivedAtMs) / 1000,
    firstTokenSeconds: between(arrivedAtMs, firstTokenAtMs),
    queueSeconds: between(arrivedAtMs, firstStepAtMs),
    prefillSeconds: between(firstStepAtMs, firstTokenAtMs),
    decodeSeconds,
    inferenceSeconds: between(firstStepAtMs, lastTokenAtMs),
    perTokenSeconds: decodeSeconds === undefined || numGaps <= 0 ? undefined : decodeSeconds / numGaps,
  };
}

function between(fromMs: number | undefined, toMs: number | undefined): number | undefined {
  // Threads' clocks may differ by fractions of a millisecond.
  return fromMs === undefined || toMs === undefined ? undefined : Math.max(0, toMs - fromMs) / 1000;
}
