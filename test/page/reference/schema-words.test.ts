import { describe, expect, it } from 'vitest';
import { createOpenapiDocument } from '../../../src/gateway/openapi/document.js';
import { listOperations, type OpenapiDocument } from '../../../src/page/reference/openapi.js';
import { objectIn, toWords } from '../../../src/page/reference/schema-words.js';

const document = createOpenapiDocument('0.0.0-test') as unknown as OpenapiDocument;
const { schemas } = document.components;
const say = (schema: string, field: string, withNull = false) =>
  toWords(schemas[schema]?.properties?.[field] ?? {}, { withNull })
    .map((word) => (typeof word === 'string' ? word : `<${word.schemaName}>`))
    .join('');

describe('toWords', () => {
  it.each([
    ['temperature', 'number, 0 to 2'],
    ['max_tokens', 'integer, 0 or more'],
    ['repetition_penalty', 'number greater than 0, at most 2'],
    ['stream', 'boolean'],
    [
      'prompt',
      'string of 1 or more characters or list of 1 or more integer or list of 1 to 2048 (string or list of integer)',
    ],
    ['stop', 'string of 1 to 256 characters or list of 1 to 4 string'],
    ['stream_options', 'object'],
  ])('says what %s of a request may be', (field, words) => {
    expect(say('CompletionRequest', field)).toBe(words);
  });

  it.each([
    ['id', 'string'],
    ['created', 'integer, 0 or more'],
    ['object', '"text_completion"'],
    ['choices', 'list of object'],
    ['usage', '<Usage> or null'],
  ])('says what %s of a chunk is, null included', (field, words) => {
    expect(say('CompletionChunk', field, true)).toBe(words);
  });

  it('has words for every field of the document', () => {
    for (const [name, { properties = {} }] of Object.entries(schemas)) {
      for (const field of Object.keys(properties))
        expect(`${name}.${field}: ${say(name, field)}`).not.toMatch(/: $|any/);
    }
  });
});

describe('objectIn', () => {
  it('finds the fields of a list of objects', () => {
    const found = objectIn(schemas['CompletionChunk']?.properties?.['choices'] ?? {});
    expect(Object.keys(found?.properties ?? {})).toContain('finish_reason');
  });
});

describe('listOperations', () => {
  it('lists each operation once, with its other paths', () => {
    const operations = listOperations(document);
    expect(operations.find(({ id }) => id === 'createCompletion')).toMatchObject({
      ...{ method: 'POST', path: '/v1/completions', aliases: ['/completions'] },
      body: { example: { prompt: 'The future of AI is' } },
    });
    const paths = operations.flatMap(({ path, aliases }) => [path, ...aliases]);
    expect(paths.toSorted()).toEqual(Object.keys(document.paths).toSorted());
  });
});
