import pino from 'pino';
import { type GatewaySettings, parseGatewayConfig } from '../../src/gateway/gateway-config.js';
import { createGateway, type Gateway, type GatewayDeps } from '../../src/gateway/server.js';

/** A response of which the test knows the body's shape. */
export interface JsonResponse extends Response {
  // biome-ignore lint/suspicious/noExplicitAny: what is in it is what the test checks.
  json(): Promise<any>;
}

/** A gateway on a free port, with what it logged. */
export interface TestGateway extends Omit<Gateway, 'listen'> {
  /** Such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** 0 on a Unix socket. */
  readonly port: number;
  /** The lines of its log, parsed. */
  readonly log: Record<string, unknown>[];
  /** Waits until the log has this many lines. */
  logged(numLines: number): Promise<Record<string, unknown>[]>;
  /** Posts a body, an object as JSON, to /v1/completions or another path. */
  post(body: unknown, options?: RequestInit & { path?: string }): Promise<JsonResponse>;
}

/** Starts a gateway for a test; everything runs as in production, but quickly. */
export async function startTestGateway(
  settings: GatewaySettings,
  deps: Partial<GatewayDeps> = {},
): Promise<TestGateway> {
  const log: Record<string, unknown>[] = [];
  const waiting: (() => void)[] = [];
  const logger = pino(
    {},
    {
      write(line) {
        log.push(JSON.parse(line));
        for (const wake of waiting.splice(0)) wake();
      },
    },
  );
  const config = parseGatewayConfig({ port: 0, ...settings });
  const gateway = createGateway(config, { logger, version: '0.0.0-test', ...deps });
  const { url, port = 0 } = await gateway.listen().catch(async (error) => {
    await gateway.close();
    throw error;
  });
  return {
    ...gateway,
    url,
    port,
    log,
    async logged(numLines) {
      while (log.length < numLines) await new Promise<void>((resolve) => waiting.push(resolve));
      return log;
    },
    post(body, { path = '/v1/completions', headers, ...options } = {}) {
      return fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
        ...options,
      });
    },
  };
}
