import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { fixtureCheckpoint } from '../support/fixtures.js';
import { HubUnderTest } from '../support/hub-under-test.js';
import { LinnetProcess } from '../support/linnet-process.js';

const ID = 'birds/linnet';
const FILES = Object.fromEntries(
  ['config.json', 'model.safetensors'].map((file) => [
    file,
    readFileSync(join(fixtureCheckpoint('real-vocab'), file)),
  ]),
);

let hub: HubUnderTest;
beforeEach(async () => {
  hub = new HubUnderTest();
  await hub.server.start();
  hub.server.add(ID, FILES);
});
afterEach(() => hub.close());

function start(...args: string[]): LinnetProcess {
  return startWith({}, ...args);
}

function startWith(variables: Record<string, string>, ...args: string[]): LinnetProcess {
  const environment = {
    ...{ HF_ENDPOINT: hub.server.endpoint, HF_HUB_CACHE: hub.cache, HF_TOKEN: '' },
    ...variables,
  };
  const linnet = new LinnetProcess(args, { environment });
  onTestFinished(() => linnet.kill('SIGKILL'));
  return linnet;
}

describe('linnet pull', () => {
  it('prints the folder alone on standard output, and says what is in it beside', async () => {
    const linnet = start('pull', ID);
    expect(await linnet.end()).toBe(0);
    const directory = linnet.stdout.trim();
    expect(linnet.stdout).toBe(`${directory}\n`);
    expect(readFileSync(join(directory, 'model.safetensors'))).toEqual(FILES['model.safetensors']);
    expect(linnet.stderr).toMatch(/Pulling birds\/linnet: 100 %, 1\.6 of 1\.6 MB\.\nbirds/);
    expect(linnet.stderr).toMatch(
      /birds\/linnet: 814\.8k parameters, context 256\. Serve it with --model birds\/linnet/,
    );
  });

  it('checks a folder, and prints it', async () => {
    const folder = fixtureCheckpoint('real-vocab');
    const linnet = start('pull', folder);
    expect(await linnet.end()).toBe(0);
    expect(linnet.stdout).toBe(`${folder}\n`);
    expect(hub.server.requests).toEqual([]);
  });

  it.each<[string, string, () => void, RegExp]>([
    ['what is not there', 'birds/none', () => {}, /^linnet: \S+\/birds\/none\/\S+ answers 401: [^\n]+\n$/],
    [
      'another architecture, before its weights come',
      ID,
      () => hub.server.add(ID, { ...FILES, 'config.json': '{"model_type":"llama"}' }),
      /linnet: birds\/linnet can't be served: config\.json: `model_type`: must be "gpt2"\n$/,
    ],
    [
      'another vocabulary',
      ID,
      () => hub.server.add(ID, { ...FILES, 'vocab.json': '{"a":0}' }),
      /linnet: birds\/linnet can't be served: vocab\.json: its tokens are not GPT-2's\./,
    ],
    ['no name at all', 'nightingale', () => {}, /linnet: The model "nightingale" \(pull\) can't be found/],
  ])('refuses %s in one line', async (_, name, arrange, message) => {
    arrange();
    const linnet = start('pull', name);
    expect(await linnet.end()).toBe(name === 'nightingale' ? 2 : 1);
    expect(linnet.stderr).toMatch(message);
    expect(linnet.stdout).toBe('');
  });

  it('sends the token of HF_TOKEN', async () => {
    hub.server.add(ID, FILES, { token: 'hf_secret' });
    const anonymous = start('pull', ID);
    expect(await anonymous.end()).toBe(1);
    expect(anonymous.stderr).toMatch(/^linnet: \S+ answers 401: .* then set HF_TOKEN to a token [^\n]+\n$/);
    expect(await startWith({ HF_TOKEN: 'hf_secret' }, 'pull', ID).end()).toBe(0);
  });

  it('asks nobody with HF_HUB_OFFLINE: it takes what is there, and says what to do where nothing is', async () => {
    const offline = () => startWith({ HF_HUB_OFFLINE: '1' }, 'pull', ID);
    const before = offline();
    expect(await before.end()).toBe(1);
    expect(before.stderr).toMatch(/^linnet: birds\/linnet is not in \S+, and HF_HUB_OFFLINE [^\n]+\n$/);
    expect(hub.server.requests).toEqual([]);
    const pulled = start('pull', ID);
    await pulled.end();
    hub.server.requests.length = 0;
    const after = offline();
    expect(await after.end()).toBe(0);
    expect(after.stdout).toBe(pulled.stdout);
    expect(hub.server.requests).toEqual([]);
  });

  it('that is killed in the middle is taken up by the next one', async () => {
    const weights = FILES['model.safetensors'] ?? Buffer.alloc(0);
    const half = weights.length >> 1;
    hub.server.fault = ({ host }) => (host === 'storage' ? { type: 'silence', bytes: half } : undefined);
    const first = start('pull', ID);
    await first.until('stderr', /Pulling birds\/linnet: (25|[2-5]\d) %/);
    first.kill('SIGKILL');
    await first.end();
    expect(hub.visible(ID)).toEqual([]);
    hub.server.fault = () => undefined;
    const second = start('pull', ID);
    expect(await second.end()).toBe(0);
    expect(second.stderr).toMatch(/Pulling birds\/linnet goes on at 0\.[4-8] of 1\.6 MB\.\n/);
    expect(first.stderr).not.toContain('goes on at');
    expect(hub.server.requests.at(-1)?.range).toMatch(/^bytes=[1-9]\d+-$/);
  });

  it('ends at Ctrl-C and says that the next one goes on', async () => {
    hub.server.fault = ({ host }) => (host === 'storage' ? { type: 'silence', bytes: 1_000_000 } : undefined);
    const linnet = start('pull', ID);
    await linnet.until('stderr', /Pulling birds\/linnet/);
    linnet.kill('SIGINT');
    expect(await linnet.end()).toBe(130);
    expect(linnet.stderr).toContain('the next pull goes on from there');
  });
});

describe('a model on the Hub', () => {
  it('is pulled by the command that needs it, once', async () => {
    const complete = () =>
      start('complete', 'Hello', '--max-tokens', '2', '--seed', '1', '--precision', 'f32', '--model', ID);
    const first = complete();
    expect(await first.end()).toBe(0);
    expect(first.stderr).toContain('birds/linnet is not in the cache; pulling it from the Hub.');
    hub.server.requests.length = 0;
    const second = complete();
    expect(await second.end()).toBe(0);
    expect(second.stdout).toBe(first.stdout);
    expect(hub.server.requests).toEqual([]);
  });
});
