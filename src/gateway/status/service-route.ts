import type { Request, RequestHandler } from 'express';
import type { GatewayConfig } from '../gateway-config.js';
import { callerOf } from '../http/request-caller.js';
import type { StatusClient } from '../upstream/status-client.js';
import { sendPage } from './page-files.js';
import { toServiceInfo } from './service-info.js';

/** What the route needs. */
export interface ServiceRouteDeps {
  readonly status: StatusClient;
  readonly config: GatewayConfig;
  /** The version of the package. */
  readonly version: string;
}

/** Makes the handler of `GET /`: service information and quick start as JSON, or the page for a browser. */
export function createServiceRoute({ status, config, version }: ServiceRouteDeps): RequestHandler {
  return async (request, response) => {
    response.vary('accept');
    if (request.accepts(['json', 'html']) === 'html') {
      sendPage(response, 'index');
      return;
    }
    // An engine that does not answer is no reason to say nothing: /health has the details.
    const models = await status.listModels(callerOf(request, response)).catch(() => []);
    const addresses = { url: baseUrl(request, config), grpcAddress: grpcAddress(config) };
    response.set('cache-control', 'no-store').json(toServiceInfo(version, models, addresses));
  };
}

// Where the engine is elsewhere, its address is of no use to the caller, and none of its business.
function grpcAddress({ engineAddress }: GatewayConfig): string | undefined {
  return /^(localhost|127(\.\d+){3}|\[::1\]):\d+$/.test(engineAddress) ? engineAddress : undefined;
}

// The examples are made to be pasted into a shell, so the caller's Host is used only where it is plainly an address.
function baseUrl(request: Request, { host, port }: GatewayConfig): string {
  const given = request.get('host') ?? '';
  return `${request.protocol}://${/^[\w.-]+(:\d+)?$|^\[[\da-f:]+\](:\d+)?$/i.test(given) ? given : `${host}:${port}`}`;
}
