import express, { type Express, type RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { KeyRing } from '../security/key-ring.js';
import type { RenderMetrics } from '../telemetry/metrics-server.js';
import type { Tracer } from '../telemetry/tracer.js';
import { createCompletionsRoute } from './completions/completions-route.js';
import { errorHandler, methodNotAllowed, unknownPath } from './errors/error-handler.js';
import type { GatewayConfig } from './gateway-config.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import { createJsonBody } from './http/json-body.js';
import { createKeyGuard } from './http/key-guard.js';
import { createRequestHeaders } from './http/request-headers.js';
import { createRequestLog } from './http/request-log.js';
import { createRequestTrace } from './http/request-trace.js';
import type { Lifecycle } from './lifecycle.js';
import { createOpenapiRoute } from './openapi/openapi-route.js';
import { createScoreRoute } from './score/score-route.js';
import { createHealthRoute, createStartupRoute, liveRoute } from './status/health-route.js';
import { createMetricsRoute } from './status/metrics-route.js';
import { createModelRoute, createModelsRoute } from './status/models-route.js';
import { createAssets, docsRoute } from './status/page-files.js';
import { createServiceRoute } from './status/service-route.js';
import { createDetokenizeRoute, createTokenizeRoute } from './tokenizer/tokenizer-routes.js';
import type { CompletionClient } from './upstream/completion-client.js';
import type { EnginePool } from './upstream/engine-pool.js';
import type { ScoreClient } from './upstream/score-client.js';
import type { StatusClient } from './upstream/status-client.js';
import type { TokenizerClient } from './upstream/tokenizer-client.js';

/** Everything that the app is made of. */
export interface AppDeps {
  readonly completions: CompletionClient;
  readonly scores: ScoreClient;
  readonly tokenizer: TokenizerClient;
  readonly status: StatusClient;
  readonly engines: EnginePool;
  /** Whose callers are let in; undefined for all. */
  readonly keys: KeyRing | undefined;
  readonly config: GatewayConfig;
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  /** The version of the package. */
  readonly version: string;
  readonly metrics: GatewayMetrics;
  /** Where traces go; undefined for nowhere. */
  readonly tracer?: Tracer | undefined;
  /** What `GET /metrics` answers; undefined where it is not to be here. */
  readonly renderMetrics: RenderMetrics | undefined;
}

/** Makes the Express app of the gateway. It does not listen. */
export function createApp(deps: AppDeps): Express {
  const { status, config, lifecycle, logger } = deps;
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.use(createRequestHeaders(lifecycle), createRequestLog(logger), createRequestTrace(deps.tracer));
  app.use(deps.metrics.observeRequests());

  const guard = createKeyGuard(deps.keys);
  const get = (path: string | string[], ...handlers: RequestHandler[]) =>
    app.route(path).get(handlers).all(methodNotAllowed('GET, HEAD'));
  const post = (path: string[], handler: RequestHandler) =>
    app.route(path).post(guard, createJsonBody(config.maxBodyBytes), handler).all(methodNotAllowed('POST'));
  get('/', createServiceRoute(deps));
  get('/docs', docsRoute);
  app.use('/assets', createAssets());
  get('/openapi.json', createOpenapiRoute(deps.version));
  get('/health', createHealthRoute(deps));
  get('/health/ready', createHealthRoute({ ...deps, needsRoom: true }));
  get('/health/startup', createStartupRoute(deps.engines));
  get('/health/live', liveRoute);
  if (deps.renderMetrics) get('/metrics', guard, createMetricsRoute(deps.renderMetrics));
  get(['/v1/models', '/models'], guard, createModelsRoute(status));
  app
    .route(['/v1/models/*id', '/models/*id'])
    .get(guard, createModelRoute(status))
    .all(methodNotAllowed('GET, HEAD'));
  post(['/v1/completions', '/completions'], createCompletionsRoute(deps));
  post(['/v1/score', '/score'], createScoreRoute(deps));
  post(['/v1/tokenize', '/tokenize'], createTokenizeRoute(deps));
  post(['/v1/detokenize', '/detokenize'], createDetokenizeRoute(deps));

  app.use(unknownPath, errorHandler);
  return app;
}
