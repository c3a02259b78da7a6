import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Prometheus' text format. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Writes metrics in Prometheus' text format. */
export type RenderMetrics = () => Promise<string>;

/** A server of nothing but metrics. */
export interface MetricsServer {
  readonly port: number;
  /** Stops at once. */
  close(): void;
}

const ALLOWED = new Set(['GET', 'HEAD']);

/**
 * Serves `GET /metrics`, in plain HTTP and to whoever can reach it, apart from what a process is there for.
 *
 * @throws Error with the system's code where it can't listen (`EADDRINUSE`).
 */
export async function listenForMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  render: RenderMetrics,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const isKnown = request.url?.split('?')[0] === '/metrics';
    if (!isKnown || !ALLOWED.has(request.method ?? '')) {
      response
        .writeHead(isKnown ? 405 : 404, { 'content-type': 'text/plain' })
        .end('GET /metrics is all there is.\n');
      return;
    }
    render().then(
      (text) => response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
