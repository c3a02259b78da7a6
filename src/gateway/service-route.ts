import type { Request, RequestHandler } from 'express';
import type { GatewayConfig } from './gateway-config.js';
import { apiKeyOf } from './key-guard.js';
import { toServiceInfo } from './service-info.js';
import { renderServicePage } from './service-page.js';
import type { StatusClient } from './status-client.js';

/** What the route needs. */
export interface ServiceRouteDeps {
  readonly status: StatusClient;
  readonly config: GatewayConfig;
  /** The version of the package. */
  readonly version: string;
}

// The page loads nothing: not from here, not from elsewhere.
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Makes the handler of `GET /`: service information and quick start, as JSON, or as a page for a browser. */
export function createServiceRoute({ status, config, version }: ServiceRouteDeps): RequestHandler {
  return async (request, response) => {
    // An engine that does not answer is no reason to say nothing: /health has the details.
    const models = await status.listModels(apiKeyOf(request)).catch(() => []);
    const info = toServiceInfo(version, models, baseUrl(request, config));
    response.set({ vary: 'accept', 'cache-control': 'no-store' });
    if (request.accepts(['json', 'html']) === 'html') {
      response.set('content-security-policy', PAGE_POLICY).type('html').send(renderServicePage(info));
    } else {
      response.json(info);
    }
  };
}

// The examples are made to be pasted into a shell, so the caller's Host is used only where it is plainly an address.
function baseUrl(request: Request, { host, port }: GatewayConfig): string {
  const given = request.get('host') ?? '';
  return `${request.protocol}://${/^[\w.-]+(:\d+)?$|^\[[\da-f:]+\](:\d+)?$/i.test(given) ? given : `${host}:${port}`}`;
}
