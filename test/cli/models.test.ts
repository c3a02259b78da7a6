import { describe, expect, it, onTestFinished } from 'vitest';
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
  const linnet = new LinnetProcess(args);
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

describe('linnet models', () => {
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
