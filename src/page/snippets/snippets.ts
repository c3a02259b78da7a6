import type { CompletionRequest } from '../api/completion-request.js';

/** The languages in which a request is shown. */
export const SNIPPET_LANGUAGES = ['curl', 'grpcurl', 'Python', 'JavaScript'] as const;

/** A language in which a request is shown. */
export type SnippetLanguage = (typeof SNIPPET_LANGUAGES)[number];

/** What a snippet is made of. */
export interface SnippetSource {
  readonly request: CompletionRequest;
  /** Where the HTTP service is, without a slash at the end. */
  readonly url: string;
  /** Where the gRPC service is: host and port. */
  readonly grpcAddress: string;
  /** Whether an API key is needed. It is never written out: snippets read `LINNET_API_KEY`. */
  readonly hasKey: boolean;
}

/** What OpenAI's Python library takes as arguments; the rest goes into `extra_body`. */
const PYTHON_ARGUMENTS = new Set([
  ...['model', 'prompt', 'max_tokens', 'temperature', 'top_p'],
  ...['presence_penalty', 'frequency_penalty', 'seed'],
]);

/** Writes the request so that it can be copied and run as it stands. It streams. */
export function toSnippet(language: SnippetLanguage, source: SnippetSource): string {
  return WRITERS[language](source);
}

const WRITERS: Readonly<Record<SnippetLanguage, (source: SnippetSource) => string>> = {
  curl: ({ request, url, hasKey }) =>
    [
      `curl -N ${url}/v1/completions \\`,
      `  -H 'Content-Type: application/json' \\`,
      ...(hasKey ? ['  -H "Authorization: Bearer $LINNET_API_KEY" \\'] : []),
      `  -d ${toShellWord(JSON.stringify({ ...request, stream: true }, null, 2))}`,
    ].join('\n'),

  grpcurl: ({ request, url, grpcAddress, hasKey }) =>
    [
      `grpcurl ${url.startsWith('https:') ? '' : '-plaintext '}\\`,
      ...(hasKey ? ['  -H "authorization: Bearer $LINNET_API_KEY" \\'] : []),
      `  -d ${toShellWord(JSON.stringify(request, null, 2))} \\`,
      `  ${grpcAddress} linnet.v1.Completion/Generate`,
    ].join('\n'),

  Python: ({ request, url, hasKey }) => {
    const fields = Object.entries({ model: '', prompt: '<|endoftext|>', ...request });
    const extra = Object.fromEntries(fields.filter(([name]) => !PYTHON_ARGUMENTS.has(name)));
    return [
      ...(hasKey ? ['import os', ''] : []),
      'from openai import OpenAI',
      '',
      `client = OpenAI(base_url="${url}/v1", api_key=${hasKey ? 'os.environ["LINNET_API_KEY"]' : '"none"'})`,
      'stream = client.completions.create(',
      ...fields
        .filter(([name]) => PYTHON_ARGUMENTS.has(name))
        .map(([name, value]) => `    ${name}=${JSON.stringify(value)},`),
      '    stream=True,',
      ...(Object.keys(extra).length > 0 ? [`    extra_body=${JSON.stringify(extra)},`] : []),
      ')',
      'for chunk in stream:',
      '    print(chunk.choices[0].text, end="", flush=True)',
    ].join('\n');
  },

  JavaScript: ({ request, url, hasKey }) =>
    [
      "import OpenAI from 'openai';",
      '',
      `const client = new OpenAI({ baseURL: '${url}/v1', apiKey: ${hasKey ? 'process.env.LINNET_API_KEY' : "'none'"} });`,
      'const stream = await client.completions.create({',
      ...Object.entries({ model: '', prompt: '<|endoftext|>', ...request }).map(
        ([name, value]) => `  ${name}: ${JSON.stringify(value)},`,
      ),
      '  stream: true,',
      '});',
      'for await (const { choices } of stream) process.stdout.write(choices[0].text);',
    ].join('\n'),
};

/** Quotes a text so that a shell takes it as one word, whatever is in it. */
function toShellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
