import { once } from 'node:events';
import { statSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { CompletionClient } from '../../src/contract/gen/linnet/v1/completion.js';
import { PemFolder, TestAuthority } from '../support/certificates.js';
import { readAll, wireRequest } from '../support/grpc-harness.js';
import { LinnetProcess, serve } from '../support/linnet-process.js';

const authority = new TestAuthority();
const BODY = JSON.stringify({ prompt: 'Once upon a time', max_tokens: 4 });

let folder: PemFolder;
beforeEach(() => {
  folder = new PemFolder();
});
afterEach(() => folder.remove());

async function start(args: string[], environment: Record<string, string> = {}) {
  const started = await serve(args, { environment });
  onTestFinished(async () => {
    started.linnet.kill('SIGKILL');
    await started.linnet.end();
  });
  return started;
}

async function run(args: string[], environment: Record<string, string>) {
  const linnet = new LinnetProcess(args, { environment });
  return { code: await linnet.end(), stdout: linnet.stdout, stderr: linnet.stderr };
}

async function post(url: string, headers: Record<string, string> = {}) {
  const options = { method: 'POST', ca: authority.cert, agent: false, headers };
  const call = secureRequest(`${url}/v1/completions`, {
    ...options,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const [response] = (await once(call.end(BODY), 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: JSON.parse(await text(response)) };
}

async function generate(target: string, key?: string) {
  const client = new CompletionClient(target, credentials.createSsl(Buffer.from(authority.cert)));
  const metadata = new Metadata();
  if (key !== undefined) metadata.set('authorization', `Bearer ${key}`);
  const result = await readAll(client.generate(wireRequest({ maxTokens: 2 }), metadata));
  client.close();
  return result;
}

describe('linnet serve with certificates and API keys', () => {
  it('lets in who has a key, over TLS, on both surfaces, and hears of new keys and certificates', async () => {
    const keys = folder.path('keys.json');
    const { certFile, keyFile } = folder.writeIdentity('server', authority.issue('localhost'));
    const create = async (id: string) =>
      (
        await run(['key', 'create', id, '--requests-per-minute', '4'], { LINNET_API_KEYS: keys })
      ).stdout.trim();
    const alice = await create('alice');
    const settings = { LINNET_TLS_CERT: certFile, LINNET_TLS_KEY: keyFile, LINNET_API_KEYS: keys };
    const { linnet, addresses } = await start([], settings);
    expect(addresses.http).toMatch(/^https:/);
    expect(linnet.stdout).toMatch(/Access +this machine only, over TLS, with an API key\n/);

    expect((await post(addresses.http, { authorization: `Bearer ${alice}` })).status).toBe(200);
    expect(await post(addresses.http)).toMatchObject({
      status: 401,
      body: { error: { code: 'missing_api_key' } },
    });
    expect((await generate(addresses.grpc, alice)).error).toBeUndefined();
    expect((await generate(addresses.grpc)).error?.code).toBe(status.UNAUTHENTICATED);

    // Both surfaces count together.
    expect((await generate(addresses.grpc, alice)).error).toBeUndefined();
    expect((await post(addresses.http, { 'x-api-key': alice })).status).toBe(200);
    const limited = await post(addresses.http, { 'x-api-key': alice });
    expect(limited).toMatchObject({ status: 429, body: { error: { code: 'rate_limit_exceeded' } } });

    const bob = await create('bob');
    folder.writeIdentity('server', authority.issue('localhost'));
    await vi.waitFor(
      async () => expect((await post(addresses.http, { 'x-api-key': bob })).status).toBe(200),
      {
        timeout: 20_000,
        interval: 500,
      },
    );
    await linnet.until(
      'stderr',
      /New connections use the new certificates[\s\S]*New connections use the new/,
    );

    const complete = ['complete', 'Once', '--max-tokens', '2', '--address', addresses.grpc];
    const environment = { LINNET_ENGINE_CA: folder.write('ca.crt', authority.cert) };
    const refused = await run(complete, environment);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('linnet: There is no API key');
    const completed = await run(complete, { ...environment, LINNET_API_KEY: bob });
    expect(completed).toMatchObject({ code: 0, stdout: expect.stringMatching(/\S/) });

    expect(linnet.stderr).not.toContain(alice.slice(-43));
    expect(linnet.stderr).not.toMatch(/ {4}at /);
    linnet.kill('SIGTERM');
    expect(await linnet.end()).toBe(0);
  });
});

describe('linnet serve on Unix sockets', () => {
  it('has no port, and lets only its owner in', async () => {
    const [http, grpc] = [folder.path('http.sock'), folder.path('grpc.sock')];
    const args = ['serve', '--http-socket', http, '--grpc-socket', `unix:${grpc}`];
    const linnet = new LinnetProcess(args);
    onTestFinished(async () => {
      linnet.kill('SIGKILL');
      await linnet.end();
    });
    await linnet.until('stdout', /Ctrl-C/);
    expect(linnet.stdout).toContain(`HTTP    unix:${http}`);
    for (const path of [http, grpc]) expect(statSync(path).mode & 0o777).toBe(0o600);
    const headers = { 'content-type': 'application/json' };
    const call = request({ socketPath: http, path: '/completions', method: 'POST', agent: false, headers });
    const [response] = (await once(call.end(BODY), 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
    const second = await run(['engine', '--grpc-socket', grpc], {});
    expect(second.code).toBe(1);
    expect(second.stderr).toBe(`linnet: Cannot listen on ${grpc}: another process listens on it.\n`);
    linnet.kill('SIGTERM');
    expect(await linnet.end()).toBe(0);
  });

  it('begins again where a crash left its sockets behind', async () => {
    const socket = folder.path('grpc.sock');
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const engine = new LinnetProcess(['engine', '--grpc-socket', socket]);
      await engine.until('stdout', /Ctrl-C/);
      engine.kill(signal);
      await engine.end();
      expect(statSync(socket, { throwIfNoEntry: false }) !== undefined).toBe(signal === 'SIGKILL');
    }
  });
});

describe('linnet serve on an address that others reach', () => {
  it('says in its banner and in its log that anybody can use it', async () => {
    const { linnet } = await start(['--host', '0.0.0.0']);
    expect(linnet.stdout).toContain('Whoever can reach 0.0.0.0 can use this');
    expect(linnet.stderr).toMatch(/"level":40.*Whoever can reach 0\.0\.0\.0 can use this/);
  });
});
