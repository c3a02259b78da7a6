import {
  type Attributes,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { TraceContext } from './trace-context.js';
import type { SpanAttributes, Tracer, TracerOptions } from './tracer.js';

/**
 * Makes a tracer that sends its spans in batches by OTLP over HTTP. OpenTelemetry's own variables set the rest: headers,
 * sampler, batches, resource attributes.
 */
export function createOtlpTracer({ endpoint, service, version }: TracerOptions): Tracer {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` });
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': service, 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer('linnet', version);
  return {
    start(name, parent) {
      const surroundings = parent ? trace.setSpanContext(ROOT_CONTEXT, toSpanContext(parent)) : ROOT_CONTEXT;
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER }, surroundings);
      const inside = trace.setSpan(ROOT_CONTEXT, span);
      return {
        context: fromSpanContext(span.spanContext()),
        addPhase: (phase) =>
          tracer.startSpan(phase.name, { startTime: phase.startMs }, inside).end(phase.endMs),
        end({ name: known, attributes, isError }) {
          if (known !== undefined) span.updateName(known);
          span.setAttributes(toAttributes(attributes));
          if (isError) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },
    close: () => provider.shutdown(),
  };
}

function toSpanContext({ traceId, spanId, isSampled }: TraceContext): SpanContext {
  return {
    traceId,
    spanId,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  };
}

function fromSpanContext({ traceId, spanId, traceFlags }: SpanContext): TraceContext {
  return { traceId, spanId, isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
}

function toAttributes(attributes: SpanAttributes): Attributes {
  const known = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as Attributes;
}
