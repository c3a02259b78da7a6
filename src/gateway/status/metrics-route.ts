import type { RequestHandler } from 'express';
import { METRICS_CONTENT_TYPE, type RenderMetrics } from '../../telemetry/metrics-server.js';

/** Makes the handler of `GET /metrics`. */
export function createMetricsRoute(render: RenderMetrics): RequestHandler {
  return async (_request, response) => {
    response.set({ 'content-type': METRICS_CONTENT_TYPE, 'cache-control': 'no-store' }).send(await render());
  };
}
