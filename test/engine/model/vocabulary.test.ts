import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectCheckpoint } from '../../../src/engine/index.js';
import { CheckpointCopy } from '../../support/checkpoint-copy.js';
import { ROOT } from '../../support/linnet-process.js';

interface Vocabulary {
  readonly tokens: readonly string[];
  readonly merges: readonly string[];
}

// Made from the tokenizer's own table, not from the files of the published checkpoint.
const { loadGpt2Vocabulary } = await import(
  pathToFileURL(join(ROOT, 'bench/support/gpt2-vocabulary.mjs')).href
);
const { tokens, merges }: Vocabulary = await loadGpt2Vocabulary();

let checkpoint: CheckpointCopy;
beforeEach(() => {
  checkpoint = new CheckpointCopy();
});
afterEach(() => checkpoint.remove());

const write = (file: string, text: string) => writeFileSync(join(checkpoint.directory, file), text);
const vocabularyOf = (list: readonly string[]) => Object.fromEntries(list.map((token, id) => [token, id]));
const swapped = <T>(list: readonly T[]) => [
  ...list.slice(0, 300),
  list[301]!,
  list[300]!,
  ...list.slice(302),
];

function writeTokenizer(tokenList: readonly string[], mergeList: readonly unknown[]): void {
  write('tokenizer.json', JSON.stringify({ model: { vocab: vocabularyOf(tokenList), merges: mergeList } }));
}

describe("a checkpoint's vocabulary", () => {
  it('may be left out', () => {
    expect(inspectCheckpoint(checkpoint.directory)).toMatchObject({ contextLength: 256 });
  });

  it("is accepted where it is GPT-2's, in each of its forms", () => {
    writeTokenizer(tokens, merges);
    inspectCheckpoint(checkpoint.directory);
    writeTokenizer(
      [...tokens].reverse().reverse(),
      merges.map((merge) => merge.split(' ')),
    );
    inspectCheckpoint(checkpoint.directory);
    write('vocab.json', JSON.stringify(vocabularyOf(tokens)));
    inspectCheckpoint(checkpoint.directory);
    for (const text of [merges.join('\n'), `#version: 0.2\n${merges.join('\n')}\n`, merges.join('\r\n')]) {
      write('merges.txt', text);
      inspectCheckpoint(checkpoint.directory);
    }
  });

  it.each<[string, () => void, RegExp]>([
    [
      'other tokens',
      () => write('vocab.json', JSON.stringify(vocabularyOf(swapped(tokens)))),
      /^vocab\.json: its tokens are not GPT-2's\./,
    ],
    [
      'fewer tokens',
      () => write('vocab.json', JSON.stringify(vocabularyOf(tokens.slice(0, -1)))),
      /^vocab\.json: its tokens/,
    ],
    [
      'other merges',
      () => write('merges.txt', swapped(merges).join('\n')),
      /^merges\.txt: its merges are not GPT-2's/,
    ],
    [
      'other tokens in tokenizer.json',
      () => writeTokenizer(swapped(tokens), merges),
      /^tokenizer\.json: its tokens/,
    ],
    [
      'other merges in tokenizer.json',
      () => writeTokenizer(tokens, swapped(merges)),
      /^tokenizer\.json: its merges/,
    ],
    [
      'a tokenizer.json of another kind',
      () => write('tokenizer.json', '{"model":{"type":"Unigram","vocab":[["a",0]]}}'),
      /^tokenizer\.json: its tokens/,
    ],
    ['a vocab.json that is no JSON', () => write('vocab.json', 'gpt2'), /^vocab\.json: not valid JSON\.$/],
    [
      'another size',
      () =>
        write(
          'config.json',
          '{"model_type":"gpt2","n_layer":2,"n_head":2,"n_embd":16,"n_positions":256,"vocab_size":50000}',
        ),
      /\[50257,16\]; config\.json asks for \[50000,16\]/,
    ],
  ])('is refused with %s', (_, damage, message) => {
    damage();
    expect(() => inspectCheckpoint(checkpoint.directory)).toThrow(message);
  });
});
