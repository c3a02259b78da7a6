import { type SpawnOptionsWithoutStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { hasCommand } from '../support/shell.js';

let linnet: Linnet;
beforeAll(async () => {
  linnet = await startLinnet();
  await linnet.engine.load();
});
afterAll(() => linnet.close());

const PROMPT = 'The future of AI is';
const options: SpawnOptionsWithoutStdio = { timeout: 20_000 };

async function run(command: string, ...args: string[]): Promise<string> {
  const child = spawn(command, args, options);
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await closed;
  expect({ code: child.exitCode, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

const hasCurl = hasCommand('curl');

describe.skipIf(!hasCurl)(`curl${hasCurl ? '' : ' (skipped: it is not on the PATH)'}`, () => {
  const post = (body: object) => [
    '-sS',
    '-N',
    `${linnet.gateway.url}/completions`,
    '-H',
    'Content-Type: application/json',
    '-d',
    JSON.stringify(body),
  ];

  it('prints a stream chunk by chunk, and [DONE] at its end', async () => {
    const child = spawn('curl', post({ prompt: PROMPT, max_tokens: 200, stream: true }), options);
    const pieces: string[] = [];
    for await (const piece of child.stdout.setEncoding('utf8')) pieces.push(piece);
    // Not in one piece at the end: it came as it was made.
    expect(pieces.length).toBeGreaterThan(3);
    const events = pieces.join('').split('\n\n');
    expect(events.slice(-2)).toEqual(['data: [DONE]', '']);
    const chunks = events.slice(0, -2).map((event) => JSON.parse(event.replace(/^data: /, '')));
    expect(chunks.length).toBeGreaterThan(10);
    const [first] = chunks;
    expect(first).toMatchObject({
      id: expect.stringMatching(/^cmpl-.{16,}/),
      object: 'text_completion',
      created: expect.any(Number),
      model: 'tiny',
      choices: [{ text: expect.any(String), index: 0, logprobs: null, finish_reason: null }],
    });
    for (const chunk of chunks) expect(chunk).toMatchObject({ id: first.id, created: first.created });
    expect(chunks.map(({ choices }) => choices[0].finish_reason).filter(Boolean)).toEqual(['length']);
    expect(chunks.at(-1).choices[0].finish_reason).toBe('length');
  });

  it('prints a completion in one piece', async () => {
    const started = Math.floor(Date.now() / 1000);
    const completion = JSON.parse(await run('curl', ...post({ prompt: PROMPT, max_tokens: 15 })));
    expect(completion).toMatchObject({
      id: expect.stringMatching(/^cmpl-.{16,}/),
      object: 'text_completion',
      model: 'tiny',
      choices: [{ text: expect.any(String), index: 0, logprobs: null, finish_reason: 'length' }],
      usage: { prompt_tokens: 5, completion_tokens: 15, total_tokens: 20 },
    });
    expect(completion.created).toBeGreaterThanOrEqual(started);
    expect(completion.choices[0].text).not.toBe('');
  });

  it('prints the health of service and model', async () => {
    expect(JSON.parse(await run('curl', '-sS', '-f', `${linnet.gateway.url}/health`))).toMatchObject({
      status: 'ok',
      model: { id: 'tiny', object: 'model', state: 'ready', context_length: 256 },
    });
  });
});
