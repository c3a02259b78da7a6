import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { locateModel } from '../../../src/cli/models/model-location.js';
import { ROOT } from '../../support/linnet-process.js';

const parent = mkdtempSync(join(tmpdir(), 'linnet-models-'));
const checkpoint = join(parent, 'tale');
mkdirSync(checkpoint);
writeFileSync(join(checkpoint, 'config.json'), '{}');
mkdirSync(join(parent, 'empty'));
afterAll(() => rmSync(parent, { recursive: true }));

describe('model location', () => {
  it('is the embedded model for its name', () => {
    expect(locateModel('fable', 'default')).toEqual({
      id: 'fable',
      directory: join(ROOT, 'models', 'fable'),
    });
  });

  it('takes the id from the folder, or from before the equals sign', () => {
    expect(locateModel(checkpoint, '--model')).toEqual({ id: 'tale', directory: checkpoint });
    expect(locateModel(`${checkpoint}/`, '--model')).toEqual({ id: 'tale', directory: checkpoint });
    expect(locateModel(`gpt2=${checkpoint}`, '--model')).toEqual({ id: 'gpt2', directory: checkpoint });
    expect(locateModel(`openai/gpt2=${checkpoint}`, '--model').id).toBe('openai/gpt2');
  });

  it('is on the Hub for the name of a repository, and its id is that name', () => {
    const gpt2 = { id: 'openai-community/gpt2', revision: 'main' };
    expect(locateModel('gpt2', '--model')).toEqual({ id: 'gpt2', repository: gpt2 });
    expect(locateModel('a=gpt2@v1', '--model')).toEqual({ id: 'a', repository: { ...gpt2, revision: 'v1' } });
    expect(locateModel('birds/linnet@refs/pr/1', '--model')).toEqual({
      id: 'birds/linnet',
      repository: { id: 'birds/linnet', revision: 'refs/pr/1' },
    });
  });

  it.each([
    [join(parent, 'none'), /"\S+none" \(--model\) can't be found: there is no folder/],
    [join(parent, 'empty'), /can't be found: \S+empty has no config\.json/],
    ['nightingale', /can't be found: there is no folder/],
    [`a b=${checkpoint}`, /id "a b" \(--model\) must be letters/],
  ])('says what is wrong with %j', (model, message) => {
    expect(() => locateModel(model, '--model')).toThrow(message);
  });
});
