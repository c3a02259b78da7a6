import { describe, expect, it, onTestFinished } from 'vitest';
import { PemFolder, TestAuthority } from '../support/certificates.js';
import { fixtureCheckpoint } from '../support/fixtures.js';
import { LinnetProcess, serve } from '../support/linnet-process.js';

const TINY = `tiny=${fixtureCheckpoint('real-vocab')}`;

async function startBoth(...args: string[]) {
  const { linnet, addresses } = await serve([
    '--model',
    'fable',
    '--model',
    TINY,
    '--precision',
    'f32',
    ...args,
  ]);
  onTestFinished(async () => {
    linnet.kill('SIGKILL');
    await linnet.end();
  });
  return { linnet, addresses };
}

async function run(...args: string[]) {
  return runWith({}, ...args);
}

async function runWith(environment: Readonly<Record<string, string>>, ...args: string[]) {
  const linnet = new LinnetProcess(args, { environment });
  const code = await linnet.end();
  return { code, stdout: linnet.stdout, stderr: linnet.stderr };
}

describe('several models in one service', () => {
  it('are named by the banner, by health and by the list, and chosen by `model`', async () => {
    const { linnet, addresses } = await startBoth();
    expect(linnet.stdout).toMatch(
      /Model +fable · loads with the first request\n +tiny · loads with the first request\n/,
    );
    const complete = async (model: string) => {
      const body = JSON.stringify({ model, prompt: 'Once', max_tokens: 3, seed: 1 });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${addresses.http}/v1/completions`, { method: 'POST', headers, body });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    expect(await complete('tiny')).toMatchObject({ status: 200, body: { model: 'tiny' } });
    expect(await complete('gpt-4')).toMatchObject({ status: 404 });
    const health = await (await fetch(`${addresses.http}/health`)).json();
    expect(health).toMatchObject({
      status: 'ok',
      model: { id: 'fable', state: 'unloaded', memory_bytes: 0 },
      models: [{ id: 'fable' }, { id: 'tiny', state: 'ready' }],
    });
    expect((health as { models: { memory_bytes: number }[] }).models[1]?.memory_bytes).toBeGreaterThan(
      2 ** 30,
    );

    const listed = await run('models', '--engine-address', addresses.grpc);
    expect(listed.stdout).toMatch(
      /^MODEL +STATE +MEMORY +PARAMETERS +CONTEXT +PRECISION +RUNNING +WAITING\n/,
    );
    expect(listed.stdout).toMatch(/^fable +unloaded +- +- +- +- +0 +0$/m);
    expect(listed.stdout).toMatch(/^tiny +ready +1\.\d GiB +814\.8k +256 +f32 +0 +0$/m);
    expect(listed.stdout).toMatch(/^1\.\d GiB of \d+\.\d GiB are set aside\.$/m);

    const loaded = await run('models', 'load', 'fable', '--engine-address', addresses.grpc);
    expect(loaded.stdout).toMatch(/^fable +ready/m);
    const unloaded = await run('models', 'unload', 'tiny', '--engine-address', addresses.grpc);
    expect(unloaded.stdout).toMatch(/^tiny +unloaded +- +814\.8k/m);
    const unknown = await run('models', 'load', 'gpt-4', '--engine-address', addresses.grpc);
    expect(unknown).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('no model `gpt-4`'),
    });
  });

  it('are told apart by their ids', async () => {
    const twice = await run('serve', '--model', 'fable', '--model', TINY.replace('tiny', 'fable'));
    expect(twice.code).toBe(2);
    expect(twice.stderr).toMatch(
      /Two models have the id "fable" \(--model\); name one of them with ID=MODEL\./,
    );
  });
});

/** Starts a service that asks for API keys, on which nothing is loaded. */
async function startGuarded(folder: PemFolder, ...args: string[]) {
  const keys = folder.path('keys.json');
  const create = (...options: string[]) => run('key', 'create', ...options, '--api-keys', keys);
  const user = (await create('user')).stdout.trim();
  const admin = (await create('admin', '--admin')).stdout.trim();
  const engine = new LinnetProcess(['engine', '--model', TINY, '--api-keys', keys, ...args]);
  onTestFinished(async () => {
    engine.kill('SIGKILL');
    await engine.end();
    folder.remove();
  });
  const [, address = ''] = await engine.until('stdout', /^ +gRPC +(\S+)$[\s\S]*Ctrl-C/m);
  return { user, admin, address };
}

describe('linnet models', () => {
  it("speaks TLS with a client certificate, and loads with an administrator's key only", async () => {
    const folder = new PemFolder();
    const authority = new TestAuthority();
    const ca = folder.write('ca.crt', authority.cert);
    const server = folder.writeIdentity('server', authority.issue('localhost'));
    const client = folder.writeIdentity('client', authority.issue('client'));
    const tls = ['--tls-cert', server.certFile, '--tls-key', server.keyFile, '--tls-client-ca', ca];
    const { user, admin, address } = await startGuarded(folder, '--grpc-port', '0', ...tls);
    const access = ['--engine-ca', ca, '--engine-cert', client.certFile, '--engine-key', client.keyFile];
    const ask = (key: string, ...args: string[]) =>
      runWith(
        { LINNET_API_KEY: key },
        ...['models', ...args, '--engine-address', address.replace('127.0.0.1', 'localhost'), ...access],
      );
    expect((await ask(user)).stdout).toMatch(/^tiny +unloaded/m);
    expect(await ask(user, 'load', 'tiny')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^linnet: The API key "user" may not do this; [^\n]+--admin[^\n]+\n$/),
    });
    expect((await ask(admin, 'load', 'tiny')).stdout).toMatch(/^tiny +ready/m);
    expect((await ask('')).stderr).toMatch(/^linnet: There is no API key; [^\n]+\n$/);
  });

  it('finds a service on a Unix socket', async () => {
    const folder = new PemFolder();
    const { admin, address } = await startGuarded(folder, '--grpc-socket', folder.path('grpc.sock'));
    const ask = (...args: string[]) =>
      runWith({ LINNET_API_KEY: admin }, 'models', ...args, '--engine-address', address);
    expect(address).toMatch(/^unix:/);
    expect((await ask('load', 'tiny')).stdout).toMatch(/^tiny +ready/m);
    expect((await ask('unload', 'tiny')).stdout).toMatch(/^tiny +unloaded/m);
  });

  it('says in one line that nothing listens', async () => {
    const result = await run('models', '--engine-address', '127.0.0.1:1');
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(
      /^linnet: There is no connection to the engine at 127\.0\.0\.1:1; [^\n]+\n$/,
    );
  });

  it('asks which model to load', async () => {
    expect(await run('models', 'load')).toMatchObject({
      code: 2,
      stderr: 'linnet: Name the model to load.\n',
    });
  });
});
