import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKey } from '../../../src/security/api-key.js';
import { renderKeyFile } from '../../../src/security/key-file.js';
import { KeyRing } from '../../../src/security/key-ring.js';
import { PemFolder } from '../../support/certificates.js';
import { type GrpcHarness, startGrpcHarness } from '../../support/grpc-harness.js';
import { accepted, delta, finished } from '../../support/scripted-engine.js';
import { startTestGateway, type TestGateway } from '../../support/test-gateway.js';

const alice = createKey('alice', { requestsPerMinute: 2 });

let folder: PemFolder;
let keys: KeyRing;
let harness: GrpcHarness;
beforeAll(() => {
  folder = new PemFolder();
  const file = folder.write('keys.json', renderKeyFile([alice.record]));
  keys = new KeyRing(file, { logger: pino({ enabled: false }) });
});
afterAll(() => {
  keys.close();
  folder.remove();
});
beforeEach(async () => {
  harness = await startGrpcHarness({ keys });
  harness.engine.script = (generation) => generation.emit(accepted(), delta('a'), finished());
});
afterEach(() => harness.close());

const open: TestGateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function start(ring: KeyRing | undefined): Promise<TestGateway> {
  const gateway = await startTestGateway({ engineAddress: harness.target }, { keys: ring });
  open.push(gateway);
  return gateway;
}

const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

// A gateway that has the file, and one that leaves it to the service: nobody can tell them apart by an answer.
describe.each([
  ['that has the keys', () => keys],
  ['whose service has the keys', () => undefined],
])('A gateway %s', (_what, ring) => {
  it.each([
    ['no key', {}, 'missing_api_key'],
    ['a wrong key', bearer(`${alice.key.slice(0, -4)}AAAA`), 'invalid_api_key'],
    ['a wrong key in x-api-key', { headers: { 'x-api-key': 'sk-none' } }, 'invalid_api_key'],
  ])('refuses %s with 401 in the shape of OpenAI', async (_which, options, code) => {
    const gateway = await start(ring());
    for (const send of [
      () => gateway.post({ prompt: 'Hi' }, options),
      () => fetch(`${gateway.url}/v1/models`, options),
      () => fetch(`${gateway.url}/v1/models/test-model`, options),
    ]) {
      const response = await send();
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      const body = JSON.parse(await response.text());
      expect(body).toEqual({
        error: {
          message: expect.stringMatching(/API key/),
          type: 'invalid_request_error',
          param: null,
          code,
        },
      });
    }
    expect(harness.engine.generations).toEqual([]);
  });

  it('answers a key, and 429 with the time to come back beyond its limits', async () => {
    const gateway = await start(ring());
    for (let i = 0; i < 2; i++) expect((await gateway.post({}, bearer(alice.key))).status).toBe(200);
    const response = await gateway.post({}, { headers: { 'x-api-key': alice.key } });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(25);
    expect((await response.json()).error).toMatchObject({
      type: 'rate_limit_error',
      code: 'rate_limit_exceeded',
      message: 'The API key "alice" is at its limit of 2 requests a minute.',
    });
    expect((await fetch(`${gateway.url}/v1/models`, bearer(alice.key))).status).toBe(200);
    expect(JSON.stringify([gateway.log, harness.logs])).not.toContain(alice.key.slice(-43));
  });

  it('logs whose key it was, of answers, streams, refusals and readers that leave', async () => {
    harness.engine.tokenized = () => ({ model: 'test-model', tokens: [], contextLength: 1024 });
    const gateway = await start(ring());
    await gateway.post({ stream: false }, bearer(alice.key));
    await gateway.post({ prompt: 'Hi' }, { path: '/tokenize', ...bearer(alice.key) });
    harness.engine.script = (generation) => generation.emit(accepted(), delta('a'));
    const leaving = new AbortController();
    const stream = await gateway.post({ stream: true }, { signal: leaving.signal, ...bearer(alice.key) });
    await stream.body?.getReader().read();
    leaving.abort();
    await gateway.logged(3);
    await gateway.post({}, bearer(alice.key)); // The third in a minute.
    expect(await gateway.logged(4)).toMatchObject([
      { status: 200, path: '/v1/completions', key: 'alice' },
      { status: 200, path: '/tokenize', key: 'alice' },
      { status: 499, path: '/v1/completions', key: 'alice' },
      { status: 429, path: '/v1/completions', key: 'alice' },
    ]);
    expect(JSON.stringify(gateway.log)).not.toContain(alice.key.slice(-43));
  });

  it('logs no id that a request only claims', async () => {
    const gateway = await start(ring());
    await gateway.post({}, bearer(`${alice.key.slice(0, -4)}AAAA`));
    const [line] = await gateway.logged(1);
    expect(line).toMatchObject({ status: 401 });
    expect(line).not.toHaveProperty('key');
  });

  it('tells of its health without a key, and of its model with one', async () => {
    const gateway = await start(ring());
    const health = async (options = {}) => (await fetch(`${gateway.url}/health`, options)).json();
    expect(await health()).toEqual({ status: 'ok', model: null, models: [], engines: [] });
    expect(await health(bearer(alice.key))).toMatchObject({ status: 'ok', model: { id: 'test-model' } });
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);
    expect((await fetch(gateway.url)).status).toBe(200);
  });
});

describe('A gateway that has the keys', () => {
  it('refuses before it reads the body, and logs whose key it was', async () => {
    const gateway = await start(keys);
    expect((await gateway.post('no JSON')).status).toBe(401);
    expect((await gateway.post('no JSON', bearer(alice.key))).status).toBe(400);
    expect(await gateway.logged(2)).toMatchObject([
      { status: 401, error: 'missing_api_key' },
      { status: 400, key: 'alice' },
    ]);
  });
});
