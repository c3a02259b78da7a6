import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readHubOptions } from '../../src/hub/hub-options.js';

const home = mkdtempSync(join(tmpdir(), 'linnet-hf-'));
writeFileSync(join(home, 'token'), 'hf_file\n');
mkdirSync(join(home, 'empty'));
afterAll(() => rmSync(home, { recursive: true }));

describe('the options of the Hub', () => {
  it('are those of the public Hub and of its tools where nothing is set', () => {
    const empty = join(home, 'empty');
    expect(readHubOptions({ XDG_CACHE_HOME: empty })).toEqual({
      endpoint: 'https://huggingface.co',
      cacheDirectory: join(empty, 'huggingface', 'hub'),
      token: undefined,
      offline: false,
    });
    expect(readHubOptions({ HF_HOME: '' }).cacheDirectory).toBe(join(homedir(), '.cache/huggingface/hub'));
  });

  it.each([
    [{ HF_HOME: home }, { cacheDirectory: join(home, 'hub'), token: 'hf_file' }],
    [
      { HF_HOME: home, HF_HUB_CACHE: '/c', HF_TOKEN: ' hf_it ' },
      { cacheDirectory: '/c', token: 'hf_it' },
    ],
    [{ HF_HOME: home, HF_TOKEN_PATH: join(home, 'none') }, { token: undefined }],
    [{ HF_HUB_CACHE: '~/models' }, { cacheDirectory: join(homedir(), 'models') }],
    [{ HUGGINGFACE_HUB_CACHE: '/old' }, { cacheDirectory: '/old' }],
    [{ HF_ENDPOINT: 'http://mirror:8080/hf/' }, { endpoint: 'http://mirror:8080/hf' }],
    [{ HF_HUB_OFFLINE: '1' }, { offline: true }],
    [{ TRANSFORMERS_OFFLINE: 'yes' }, { offline: true }],
    [{ HF_HUB_OFFLINE: '0' }, { offline: false }],
  ])('of %j are %j', (environment, expected) => {
    expect(readHubOptions(environment as Record<string, string>)).toMatchObject(expected);
  });

  it('refuse an endpoint that is no URL', () => {
    expect(() => readHubOptions({ HF_ENDPOINT: 'mirror' })).toThrow(
      /HF_ENDPOINT must be a URL .*; got "mirror"/,
    );
  });
});
