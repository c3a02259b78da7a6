import type { Request, RequestHandler } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { CALL_SECONDS, REQUEST_SECONDS, TOKEN_USAGE } from '../telemetry/histogram-buckets.js';

/** How a completion went, from where the gateway sees it. */
export interface EndedCompletion {
  /** The model that answered; undefined where none did. */
  readonly model: string | undefined;
  readonly durationMs: number;
  /** What the engine said that it consumed; undefined where it did not come to that. */
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number } | undefined;
  /** The code of the error with which it ended, if it did. */
  readonly errorCode: string | undefined;
}

/** What there is to measure of an engine. */
export interface MeasuredEngine {
  readonly address: string;
  readonly isServing: boolean;
  readonly outstanding: number;
  readonly numEjections: number;
  readonly numRetries: number;
}

type Measure = (engine: MeasuredEngine) => number;

const ENGINE_HELP = {
  serving: 'Whether the engine says that it serves.',
  outstanding: 'What the engine owes this gateway: choices of completions, and other calls.',
  ejections: 'How often the engine was taken out of use, because it said so or could not be reached.',
  retries: 'Requests asked for once more because the engine failed or refused them before there was text.',
} as const;

// Of a name that clients make up, only those that HTTP has are told apart.
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);
const OTHER = '_OTHER';
const GEN_AI = ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_response_model'] as const;

/** The metrics of a gateway: of what HTTP clients ask of it, and of what it asks of the engine. */
export class GatewayMetrics {
  readonly #registry = new Registry();
  readonly #requests = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Time of an HTTP request, to the end of its answer.',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
    ...{ buckets: CALL_SECONDS, registers: [this.#registry] },
  });
  readonly #active = new Gauge({
    name: 'http_server_active_requests',
    help: 'HTTP requests that run.',
    ...{ labelNames: ['http_request_method'], registers: [this.#registry] },
  });
  readonly #completions = new Histogram({
    name: 'gen_ai_client_operation_duration_seconds',
    help: 'Time of a completion that was asked of the engine.',
    ...{ labelNames: [...GEN_AI, 'error_type'], buckets: REQUEST_SECONDS, registers: [this.#registry] },
  });
  readonly #tokens = new Histogram({
    name: 'gen_ai_client_token_usage',
    help: 'Tokens of a completion that the engine has answered.',
    ...{ labelNames: [...GEN_AI, 'gen_ai_token_type'], buckets: TOKEN_USAGE, registers: [this.#registry] },
  });

  constructor() {
    collectDefaultMetrics({ register: this.#registry, labels: { process: 'gateway' } });
  }

  /** Exposes what is known of each engine; of one that is gone, nothing. To be called once. */
  watchEngines(engines: () => readonly MeasuredEngine[]): void {
    const labelNames = ['engine'] as const;
    const registers = [this.#registry];
    const expose = (kind: typeof Gauge | typeof Counter, name: string, help: string, measure: Measure) =>
      new kind({
        ...{ name: `linnet_gateway_engine_${name}`, help, labelNames, registers },
        collect() {
          this.reset();
          for (const engine of engines()) this.inc({ engine: engine.address }, measure(engine));
        },
      });
    const { serving, outstanding, ejections, retries } = ENGINE_HELP;
    expose(Gauge, 'serving', serving, ({ isServing }) => (isServing ? 1 : 0));
    expose(Gauge, 'outstanding', outstanding, (engine) => engine.outstanding);
    expose(Counter, 'ejections_total', ejections, ({ numEjections }) => numEjections);
    expose(Counter, 'retries_total', retries, ({ numRetries }) => numRetries);
  }

  /** Makes the middleware that observes requests. The status is 499 where the client left before the end. */
  observeRequests(): RequestHandler {
    return (request, response, next) => {
      const startedAtMs = performance.now();
      const method = METHODS.has(request.method) ? request.method : OTHER;
      this.#active.inc({ http_request_method: method });
      response.once('close', () => {
        this.#active.dec({ http_request_method: method });
        const status = response.writableFinished ? response.statusCode : 499;
        this.#requests.observe(
          {
            http_request_method: method,
            http_route: routeOf(request),
            http_response_status_code: String(status),
          },
          (performance.now() - startedAtMs) / 1000,
        );
      });
      next();
    };
  }

  /** A completion has ended. */
  observeCompletion({ model = 'unknown', durationMs, usage, errorCode = '' }: EndedCompletion): void {
    const labels = {
      gen_ai_operation_name: 'text_completion',
      gen_ai_provider_name: 'linnet',
      gen_ai_response_model: model,
    };
    this.#completions.observe({ ...labels, error_type: errorCode }, durationMs / 1000);
    if (usage === undefined) return;
    this.#tokens.observe({ ...labels, gen_ai_token_type: 'input' }, usage.promptTokens);
    this.#tokens.observe({ ...labels, gen_ai_token_type: 'output' }, usage.completionTokens);
  }

  /** Writes all metrics in Prometheus' text format. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }
}

/** The route that answered, as it is declared: ids and whatever else clients write are no part of it. */
function routeOf({ route }: Request): string {
  const path: string | readonly string[] | undefined = route?.path;
  return (typeof path === 'string' ? path : path?.[0]) ?? OTHER;
}
