import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CompletionRequest } from '../../../src/page/api/completion-request.js';
import { SNIPPET_LANGUAGES, type SnippetLanguage, toSnippet } from '../../../src/page/snippets/snippets.js';
import { type Linnet, startLinnet } from '../../support/linnet.js';
import {
  GRPCURL,
  hasCommand,
  hasPythonPackages,
  PYTHON,
  runInShell,
  withGrpcurl,
} from '../../support/shell.js';

const OBSTACLES: Readonly<Record<SnippetLanguage, string | undefined>> = {
  curl: hasCommand('curl') ? undefined : 'no curl',
  grpcurl: GRPCURL === undefined ? 'no grpcurl' : undefined,
  Python: hasPythonPackages('openai') ? undefined : 'no Python with the package openai',
  JavaScript: undefined,
};

const request: CompletionRequest = {
  model: 'tiny',
  prompt: `It's "so" \\ $(id) \`id\` so.\nAnd ünï 😀`,
  ...{ max_tokens: 8, temperature: 0.7, top_p: 0.9, top_k: 40, seed: '9223372036854775807' },
  ...{ presence_penalty: 0.5, frequency_penalty: -0.5, repetition_penalty: 1.1 },
};

describe('a snippet', () => {
  let linnet: Linnet;
  let expected: string;
  beforeAll(async () => {
    linnet = await startLinnet();
    const response = await linnet.gateway.post(request);
    expected = (await response.json()).choices[0].text;
  });
  afterAll(() => linnet.close());

  const run = (language: SnippetLanguage) => {
    const source = { request, url: linnet.gateway.url, grpcAddress: linnet.target, hasKey: false };
    const snippet = toSnippet(language, source);
    if (language === 'JavaScript') return runInShell('node --input-type=module', snippet);
    if (language === 'Python') return runInShell(`"${PYTHON}" -`, snippet);
    return runInShell(withGrpcurl(snippet));
  };
  const textOf: Readonly<Record<SnippetLanguage, (output: string) => string>> = {
    curl: (output) =>
      [...output.matchAll(/^data: (\{.*)$/gm)]
        .map(([, data = '']) => JSON.parse(data).choices[0].text)
        .join(''),
    grpcurl: (output) =>
      [...output.matchAll(/"text": (".*")/g)].map(([, text = '']) => JSON.parse(text)).join(''),
    Python: (output) => output,
    JavaScript: (output) => output,
  };

  for (const language of SNIPPET_LANGUAGES) {
    const obstacle = OBSTACLES[language];
    it.skipIf(obstacle !== undefined)(
      `in ${language} gets the same text, whatever is in the prompt${obstacle ? ` (skipped: ${obstacle})` : ''}`,
      async () => {
        const { code, stdout, stderr } = await run(language);
        expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
        expect(textOf[language](stdout)).toBe(expected);
      },
    );
  }

  it.each(SNIPPET_LANGUAGES)('in %s reads the key from the environment', (language) => {
    const source = { request, url: 'https://example.test', grpcAddress: 'example.test:443', hasKey: true };
    expect(toSnippet(language, source)).toMatch(/LINNET_API_KEY/);
    expect(toSnippet(language, source)).not.toContain('-plaintext');
  });
});
