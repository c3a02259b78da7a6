import { describe, expect, it } from 'vitest';
import { parseRepository } from '../../src/hub/repository.js';

describe('a repository', () => {
  it.each([
    ['gpt2', 'openai-community/gpt2', 'main'],
    ['gpt2-xl@v1.0', 'openai-community/gpt2-xl', 'v1.0'],
    ['distilgpt2', 'distilbert/distilgpt2', 'main'],
    ['org/name', 'org/name', 'main'],
    ['org/a.b_c-d@refs/pr/7', 'org/a.b_c-d', 'refs/pr/7'],
  ])('is read from %j', (text, id, revision) => {
    expect(parseRepository(text)).toEqual({ id, revision });
  });

  it.each([
    'fable',
    'toString',
    '',
    '/name',
    'org/',
    'a/b/c',
    '../name',
    'org/..',
    'org/na--me',
    'org/name-',
    'org/na me',
    'org/name@',
    'org/name@../x',
    'org/name@a//b',
    `org/${'n'.repeat(96)}`,
  ])('is not read from %j', (text) => {
    expect(parseRepository(text)).toBeUndefined();
  });
});
