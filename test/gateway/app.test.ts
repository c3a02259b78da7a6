import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ModelState } from '../../src/contract/gen/linnet/v1/models.js';
import { createApp } from '../../src/gateway/app.js';
import { parseGatewayConfig } from '../../src/gateway/gateway-config.js';
import { GatewayMetrics } from '../../src/gateway/gateway-metrics.js';
import { Lifecycle } from '../../src/gateway/lifecycle.js';
import { createCompletionClient } from '../../src/gateway/upstream/completion-client.js';
import { EnginePool } from '../../src/gateway/upstream/engine-pool.js';
import { createScoreClient } from '../../src/gateway/upstream/score-client.js';
import { createStatusClient } from '../../src/gateway/upstream/status-client.js';
import { createTokenizerClient } from '../../src/gateway/upstream/tokenizer-client.js';
import { MODEL, ScriptedService } from '../support/scripted-service.js';
import { startTestGateway, type TestGateway } from '../support/test-gateway.js';

const MAX_BODY_BYTES = 1000;

let service: ScriptedService;
let gateway: TestGateway;

beforeAll(async () => {
  service = await ScriptedService.start();
  service.answer = (call) => call.complete('x');
  gateway = await startTestGateway({ engineAddress: service.address, maxBodyBytes: MAX_BODY_BYTES });
});

afterAll(async () => {
  await gateway.close();
  service.stop();
});

/** Sends a request target as it is; fetch would clean it up. */
function getRaw(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: gateway.port, path, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part) => {
        body += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('error', reject).end();
  });
}

describe('A request body', () => {
  const json = { 'content-type': 'application/json' };

  it.each([
    ['malformed JSON', '{"prompt":', json, 400, 'invalid_json'],
    ['an empty body', '', json, 400, 'invalid_json'],
    ['JSON with an unescaped control character', '{"prompt":"a\nb"}', json, 400, 'invalid_json'],
    ['a list', '[]', json, 400, 'invalid_value'],
    ['null', 'null', json, 400, 'invalid_value'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), json, 400, 'invalid_utf8'],
    ['UTF-16', Buffer.from('{}', 'utf16le'), { 'content-type': 'application/json; charset=utf-16' }, 415],
    ['a form, as curl sends it', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['JSON that is declared as text', '{}', { 'content-type': 'text/plain' }, 415],
    ['more than the limit', JSON.stringify({ prompt: 'x'.repeat(MAX_BODY_BYTES) }), json, 413],
    [
      'more than the limit when it is unpacked',
      gzipSync(JSON.stringify({ prompt: 'x'.repeat(100_000) })),
      { ...json, 'content-encoding': 'gzip' },
      413,
    ],
    ['an unknown compression', '{}', { ...json, 'content-encoding': 'lzma' }, 415],
    ['broken gzip', 'no gzip', { ...json, 'content-encoding': 'gzip' }, 400, 'invalid_request'],
  ])(
    'that is %s is refused in the shape of OpenAI',
    async (_what, body, headers, status, code = undefined) => {
      const codes: Record<number, string> = { 413: 'request_too_large', 415: 'unsupported_media_type' };
      const response = await gateway.post(body, { headers });
      expect(response.status).toBe(status);
      expect((await response.json()).error).toEqual({
        message: expect.stringMatching(/^[^\n]+\.?$/),
        type: 'invalid_request_error',
        param: null,
        code: code ?? codes[status],
      });
      expect((await gateway.post({})).status).toBe(200);
    },
  );

  it('may have a byte order mark, a charset, a compression, and come in pieces', async () => {
    const accepted = async (
      body: NonNullable<RequestInit['body']>,
      headers: Record<string, string>,
      options: object = {},
    ) => (await fetch(`${gateway.url}/completions`, { method: 'POST', body, headers, ...options })).status;
    expect(await accepted('\ufeff{}', json)).toBe(200);
    expect(await accepted('{}', { 'content-type': 'Application/JSON; charset="UTF-8"' })).toBe(200);
    expect(await accepted(gzipSync('{}'), { ...json, 'content-encoding': 'gzip' })).toBe(200);
    const pieces = new Blob(['{"prompt":', '"x"}']).stream();
    expect(await accepted(pieces, json, { duplex: 'half' })).toBe(200);
  });

  it('tells a curl user which header is missing', async () => {
    const response = await gateway.post('{}', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect((await response.json()).error.message).toContain('-H "Content-Type: application/json"');
  });

  it('that breaks off leaves the server as it was', async () => {
    await new Promise<void>((resolve) => {
      const request = httpRequest({
        host: '127.0.0.1',
        port: gateway.port,
        path: '/v1/completions',
        method: 'POST',
        headers: { ...json, 'content-length': '100' },
      });
      request.on('error', () => resolve());
      request.write('{"prompt":', () => request.destroy(new Error('gone')));
    });
    expect((await gateway.post({})).status).toBe(200);
  });
});

describe('Any other request', () => {
  it.each([
    ['GET', '/nope', 404, 'unknown_path'],
    ['POST', '/v1/chat/completions', 404, 'unknown_path'],
    ['GET', '/v1/completions', 405, 'method_not_allowed'],
    ['PUT', '/completions', 405, 'method_not_allowed'],
    ['OPTIONS', '/completions', 405, 'method_not_allowed'],
    ['POST', '/v1/models', 405, 'method_not_allowed'],
    ['DELETE', '/v1/models/fable', 405, 'method_not_allowed'],
    ['POST', '/health', 405, 'method_not_allowed'],
  ])('%s %s gets %i in the shape of OpenAI', async (method, path, status, code) => {
    const response = await fetch(gateway.url + path, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get('allow') !== null).toBe(status === 405);
    expect(await response.json()).toMatchObject({
      error: { type: 'invalid_request_error', param: null, code },
    });
  });

  it('with a path that does not decode gets 400', async () => {
    const { status, body } = await getRaw('/v1/models/%ff%zz');
    expect(status).toBe(400);
    expect(JSON.parse(body).error.code).toBe('invalid_request');
  });
});

describe('GET /v1/models', () => {
  it('lists the models in the shape of OpenAI, with state and context length', async () => {
    const model = {
      id: 'fable',
      object: 'model',
      created: 1_700_000_000,
      owned_by: 'linnet',
      state: 'ready',
      memory_bytes: 0,
      context_length: 1024,
      vocab_size: 50_257,
      num_parameters: 124_439_808,
      precision: 'f32',
    };
    for (const path of ['/v1/models', '/models']) {
      const response = await fetch(gateway.url + path);
      expect(await response.json()).toEqual({ object: 'list', data: [model] });
    }
    expect(await (await fetch(`${gateway.url}/v1/models/fable`)).json()).toEqual(model);
  });

  it('finds ids with slashes, and says what is wrong with a model', async () => {
    service.models = [
      MODEL,
      { ...MODEL, id: 'openai/gpt2', state: ModelState.FAILED, error: 'No such file.', config: undefined },
    ];
    const found = { id: 'openai/gpt2', state: 'failed', error: 'No such file.' };
    for (const id of ['openai/gpt2', 'openai%2Fgpt2']) {
      expect(await (await fetch(`${gateway.url}/v1/models/${id}`)).json()).toMatchObject(found);
    }
    service.models = [MODEL];
  });

  it('answers 404 for an unknown model', async () => {
    const response = await fetch(`${gateway.url}/v1/models/nope`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'model_not_found', param: 'model' } });
  });
});

describe('GET /health', () => {
  const health = async (path = '') => {
    const response = await fetch(`${gateway.url}/health${path}`);
    const body = (await response.json()) as Record<string, unknown>;
    return { http: response.status, body };
  };

  it('names the model and its state', async () => {
    const ok = { http: 200, body: { status: 'ok', model: { id: 'fable', state: 'ready' } } };
    expect(await health()).toMatchObject(ok);
    expect(await health('/ready')).toMatchObject(ok);
  });

  it('shows the engines, and what this gateway waits for', async () => {
    const { answer: usual } = service;
    service.answer = undefined;
    const answer = gateway.post({ n: 2 });
    const call = await service.nextCall();
    service.answer = usual;
    const engine = { address: service.address, state: 'ready', outstanding: 2 };
    expect(await health()).toMatchObject({ body: { engines: [engine] } });
    call.accept().finishChoice();
    call.finish({ index: 1 });
    await answer;
    await vi.waitFor(async () =>
      expect(await health()).toMatchObject({ body: { engines: [{ ...engine, outstanding: 0 }] } }),
    );
  });

  it('has not started before an engine has served', async () => {
    const early = await startTestGateway({ engineAddress: '127.0.0.1:1' });
    const startup = () => fetch(`${early.url}/health/startup`);
    expect((await startup()).status).toBe(503);
    expect(((await (await fetch(`${early.url}/health`)).json()) as { engines: object[] }).engines).toEqual([
      { address: '127.0.0.1:1', state: 'unreachable', outstanding: 0 },
    ]);
    expect((await fetch(`${early.url}/health/live`)).status).toBe(200);
    await early.close();
  });

  it('is not ready while every queue is full, though it serves', async () => {
    service.setServing('ready', false);
    await vi.waitFor(async () => expect((await health('/ready')).http).toBe(503));
    expect(await health()).toMatchObject({ http: 200, body: { engines: [{ state: 'full' }] } });
    service.setServing('ready', true);
    await vi.waitFor(async () => expect((await health('/ready')).http).toBe(200));
  });

  it('is 503 while the engine does not serve; the process still lives', async () => {
    service.isServing = false;
    await vi.waitFor(async () => expect((await health('')).http).toBe(503));
    expect(await health()).toMatchObject({
      http: 503,
      body: { status: 'unavailable', error: { code: 'engine_unavailable' } },
    });
    expect(await health('/ready')).toMatchObject({ http: 503 });
    expect(await health('/live')).toEqual({ http: 200, body: { status: 'ok' } });
    expect(await health('/startup')).toEqual({ http: 200, body: { status: 'ok' } });
    service.isServing = true;
  });
});

describe('A gateway that drains', () => {
  it('is not ready, and asks clients to leave', async () => {
    const config = parseGatewayConfig({});
    const engines = new EnginePool([service.address], { numChannels: 1 });
    const lifecycle = new Lifecycle();
    const app = createApp({
      ...{ config, lifecycle, version: '0', logger: pino({ enabled: false }) },
      completions: createCompletionClient(engines, config),
      scores: createScoreClient(engines, config.cancelGraceMs),
      tokenizer: createTokenizerClient(engines),
      status: createStatusClient(engines, config.statusTimeoutMs),
      engines,
      ...{ keys: undefined, metrics: new GatewayMetrics(), renderMetrics: undefined },
    });
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ready = () => fetch(`http://127.0.0.1:${port}/health/ready`);
    expect((await ready()).status).toBe(200);
    lifecycle.beginDrain();
    const response = await ready();
    expect(response.status).toBe(503);
    expect(response.headers.get('connection')).toBe('close');
    server.close();
    engines.close();
  });
});

describe('GET /', () => {
  it('gives service information as JSON, with examples for the address that was used', async () => {
    const response = await fetch(gateway.url);
    const info = (await response.json()) as Record<string, Record<string, string>>;
    expect(info).toMatchObject({
      name: 'linnet',
      version: '0.0.0-test',
      models: [{ id: 'fable', state: 'ready' }],
    });
    expect(info['examples']?.['complete']).toContain(`${gateway.url}/v1/completions`);
  });

  it('tells where the gRPC service is only where it is on the same machine', async () => {
    const ask = async (url: string) => (await (await fetch(url)).json()) as { grpc_address?: string };
    expect((await ask(gateway.url)).grpc_address).toBe(service.address);
    const far = await startTestGateway({ engineAddress: 'engine.example:50051' });
    expect((await ask(far.url)).grpc_address).toBeUndefined();
    await far.close();
  });

  it('gives a browser a page in which nothing is inline, under a policy that forbids it', async () => {
    const response = await fetch(gateway.url, { headers: { accept: 'text/html,*/*;q=0.8' } });
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('vary')?.toLowerCase()).toContain('accept');
    const policy = response.headers.get('content-security-policy');
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'/);
    expect(policy).not.toContain('unsafe');
    expect(await response.text()).not.toMatch(/<style|style=|<script(?![^>]* src=)/);
  });

  it('serves what the page loads, less than 150 KB in all, to be kept for ever', async () => {
    const html = await (await fetch(gateway.url, { headers: { accept: 'text/html' } })).text();
    const found = new Set(
      [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path = '']) => path),
    );
    let numBytes = html.length;
    for (const path of found) {
      const response = await fetch(`${gateway.url}/${path}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      const text = await response.text();
      numBytes += Buffer.byteLength(text);
      for (const [, name = ''] of text.matchAll(/url\(\.\/([^)]+)\)/g)) found.add(`assets/${name}`);
    }
    expect(found.size).toBeGreaterThanOrEqual(4);
    expect(numBytes).toBeLessThan(150_000);
    expect((await fetch(`${gateway.url}/assets/none.js`)).status).toBe(404);
    expect((await getRaw('/assets/..%2findex.html', {})).status).toBe(404);
  });

  it('shows no shell command that came with the Host header', async () => {
    const { body } = await getRaw('/', { accept: 'application/json', host: '"><script>$(id)' });
    expect(body).not.toMatch(/<script|\$\(id\)/);
  });
});
