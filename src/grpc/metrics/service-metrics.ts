import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { Engine, EngineObserver, RequestReport } from '../../engine/index.js';
import { CALL_SECONDS } from '../../telemetry/histogram-buckets.js';
import { exposeLoad } from './load-metrics.js';
import { type Operation, RequestMetrics } from './request-metrics.js';
import { StepMetrics } from './step-metrics.js';

/** How a call ended. */
export interface EndedCall {
  /** `linnet.v1.Completion/Generate` */
  readonly method: string;
  /** The gRPC status, by its name. */
  readonly status: string;
  readonly durationMs: number;
}

/** The metrics of the gRPC service and its engine. */
export class ServiceMetrics {
  readonly #registry = new Registry();
  readonly #steps = new StepMetrics(this.#registry);
  readonly #requests = new RequestMetrics(this.#registry);
  readonly #calls = new Histogram({
    name: 'rpc_server_call_duration_seconds',
    help: 'Time of a gRPC call.',
    labelNames: ['rpc_system_name', 'rpc_method', 'rpc_response_status_code'],
    buckets: CALL_SECONDS,
    registers: [this.#registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.#registry, labels: { process: 'engine' } });
  }

  /** What the engine tells of its steps goes here. */
  get observer(): EngineObserver {
    return this.#steps;
  }

  /** Exposes the load of an engine's models too. To be called once. */
  watch(engine: Engine): void {
    exposeLoad(this.#registry, engine);
  }

  /** Tokens that all models have generated. */
  get generatedTokens(): number {
    return this.#steps.generatedTokens;
  }

  /** A request has ended in the engine. */
  observeRequest(report: RequestReport, operation: Operation): void {
    this.#requests.observe(report, operation);
  }

  /** A call has ended. */
  observeCall({ method, status, durationMs }: EndedCall): void {
    const labels = { rpc_system_name: 'grpc', rpc_method: method, rpc_response_status_code: status };
    this.#calls.observe(labels, durationMs / 1000);
  }

  /** Writes all metrics in Prometheus' text format. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }
}
