import type { TraceContext } from './trace-context.js';

/** What a span is told of. Undefined: nothing. */
export type SpanAttributes = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** How a span ends. */
export interface SpanEnd {
  /** What it is called, where that is known only now. */
  readonly name?: string | undefined;
  readonly attributes: SpanAttributes;
  /** Whether it failed, and the service is to answer for that. */
  readonly isError: boolean;
}

/** A part of a request's time that has passed. */
export interface Phase {
  readonly name: string;
  /** Milliseconds since the Unix epoch. */
  readonly startMs: number;
  readonly endMs: number;
}

/** A span that has begun. */
export interface OpenSpan {
  /** What its children have as their parent. */
  readonly context: TraceContext;
  /** Adds a child that is over. */
  addPhase(phase: Phase): void;
  /** Ends it now. */
  end(end: SpanEnd): void;
}

/** Makes spans, and sends them somewhere. */
export interface Tracer {
  /** Begins the span of a request that this process serves; its own trace begins where there is no parent. */
  start(name: string, parent: TraceContext | undefined): OpenSpan;
  /** Sends what is left. */
  close(): Promise<void>;
}

/** Whose spans they are, and where they go. */
export interface TracerOptions {
  /** The base URL of a collector that takes OTLP over HTTP: `http://localhost:4318`. */
  readonly endpoint: string;
  /** `linnet-gateway` or `linnet-engine`. */
  readonly service: string;
  readonly version: string;
}

/** Opens a tracer; OpenTelemetry's libraries are loaded only now. */
export async function openTracer(options: TracerOptions): Promise<Tracer> {
  const { createOtlpTracer } = await import('./otlp-tracer.js');
  return createOtlpTracer(options);
}
