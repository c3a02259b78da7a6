import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A span as a collector gets it. */
export interface ReceivedSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where its trace begins with it. */
  readonly parentSpanId: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Whether it failed. */
  readonly isError: boolean;
}

type Value = Readonly<Record<string, unknown>>;
type Attributes = readonly { readonly key: string; readonly value: Value }[];

/** A collector of traces, by OTLP over HTTP in JSON. */
export interface OtlpReceiver {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** Of each batch. */
  readonly headers: IncomingHttpHeaders[];
  close(): void;
}

/** Starts a collector on a free port of loopback. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer(async (request, response) => {
    const body = await json(request);
    if (request.url === '/v1/traces') {
      headers.push(request.headers);
      spans.push(...readSpans(body));
    }
    response.setHeader('content-type', 'application/json').end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    ...{ url: `http://127.0.0.1:${port}`, spans, headers },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: what is read of OTLP's JSON is what the tests check.
function* readSpans(body: any): Iterable<ReceivedSpan> {
  for (const { resource, scopeSpans } of body.resourceSpans) {
    const service = String(toRecord(resource.attributes)['service.name']);
    for (const span of scopeSpans.flatMap(({ spans }: { spans: unknown[] }) => spans)) {
      const { name, traceId, spanId, parentSpanId = '' } = span;
      yield {
        ...{ service, name, traceId, spanId, parentSpanId },
        startMs: Number(span.startTimeUnixNano) / 1e6,
        endMs: Number(span.endTimeUnixNano) / 1e6,
        attributes: toRecord(span.attributes),
        isError: span.status?.code === 2,
      };
    }
  }
}

function toRecord(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, toValue(value)]));
}

function toValue(value: Value): unknown {
  const list = value['arrayValue'] as { values?: Value[] } | undefined;
  if (list !== undefined) return (list.values ?? []).map(toValue);
  const [only] = Object.values(value);
  return 'intValue' in value ? Number(only) : only;
}
