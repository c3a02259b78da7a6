import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GrpcHarness, startGrpcHarness } from '../support/grpc-harness.js';
import { accepted, delta, finished } from '../support/scripted-engine.js';

const run = promisify(execFile);
const BUF = 'node_modules/.bin/buf';
const GRPCURL = process.env['GRPCURL'] ?? 'grpcurl';
const hasGrpcurl = spawnSync(GRPCURL, ['-version']).status === 0;

const SERVICES = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
  'linnet.v1.Completion',
  'linnet.v1.Models',
  'linnet.v1.Tokenizer',
];

let harness: GrpcHarness;
beforeEach(async () => {
  harness = await startGrpcHarness();
  harness.engine.script = (generation) => generation.emit(accepted(), delta(' upon'), finished());
});
afterEach(() => harness.close());

function lines(text: string): string[] {
  return text.trim().split('\n').sort();
}

/** Reads the JSON objects that a tool printed one after another. */
function jsonObjects(text: string): Record<string, unknown>[] {
  return JSON.parse(`[${text.trim().replace(/\}\s*\{/g, '},{')}]`);
}

describe('buf curl', () => {
  async function bufCurl(...args: string[]) {
    const options = ['--protocol', 'grpc', '--http2-prior-knowledge'];
    return (await run(BUF, ['curl', ...options, ...args])).stdout;
  }
  const url = (method = '') => `http://${harness.target}${method}`;

  it('lists services and methods', async () => {
    expect(lines(await bufCurl('--list-services', url()))).toEqual(SERVICES);
    const methods = await bufCurl('--list-methods', url());
    expect(lines(methods)).toEqual(
      expect.arrayContaining(['linnet.v1.Completion/Cancel', 'linnet.v1.Completion/Generate']),
    );
  });

  it.each(['grpc-v1', 'grpc-v1alpha'])('calls by what %s reflection tells', async (protocol) => {
    const body = '{"prompt":"Once","max_tokens":1}';
    const method = url('/linnet.v1.Completion/Generate');
    const events = jsonObjects(await bufCurl('--reflect-protocol', protocol, '-d', body, method));
    expect(events.map((event) => Object.keys(event))).toEqual([['accepted'], ['delta'], ['finished']]);
    expect(events[1]).toMatchObject({ delta: { text: ' upon' } });
  });

  it('shows what an error carries', async () => {
    const failure = bufCurl('-d', '{"top_p":7}', url('/linnet.v1.Completion/Generate'));
    const { stderr } = await failure.then(
      () => ({ stderr: '' }),
      (error) => error,
    );
    const { code, message, details } = JSON.parse(stderr);
    expect({ code, message }).toEqual({
      code: 'invalid_argument',
      message: '`top_p` must be between 0 and 1; got 7.',
    });
    expect(details.map(({ type }: { type: string }) => type)).toEqual([
      'google.rpc.ErrorInfo',
      'google.rpc.BadRequest',
    ]);
  });
});

// Where it is not installed: go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest, or name it in GRPCURL.
describe.skipIf(!hasGrpcurl)('grpcurl (skipped where it is neither on the PATH nor named by GRPCURL)', () => {
  const grpcurl = async (...args: string[]) => (await run(GRPCURL, ['-plaintext', ...args])).stdout;

  it('lists what there is', async () => {
    expect(lines(await grpcurl(harness.target, 'list'))).toEqual(SERVICES);
    expect(lines(await grpcurl(harness.target, 'list', 'linnet.v1.Completion'))).toEqual([
      'linnet.v1.Completion.Cancel',
      'linnet.v1.Completion.Generate',
      'linnet.v1.Completion.Score',
    ]);
  });

  it.each(['linnet.v1.Completion', 'linnet.v1.GenerateRequest', 'google.rpc.BadRequest'])(
    'describes %s',
    async (symbol) => {
      expect(await grpcurl(harness.target, 'describe', symbol)).toContain(`${symbol} is a `);
    },
  );

  it('streams a completion as the documentation shows', async () => {
    const body = '{"prompt":"The future of AI is","max_tokens":15}';
    const stdout = await grpcurl('-d', body, harness.target, 'linnet.v1.Completion/Generate');
    expect(jsonObjects(stdout).map((event) => Object.keys(event)[0])).toEqual([
      'accepted',
      'delta',
      'finished',
    ]);
    expect(harness.engine.generations[0]?.request).toMatchObject({
      prompts: [{ field: 'prompt', input: 'The future of AI is' }],
      maxTokens: 15,
    });
  });

  it('checks health', async () => {
    expect(jsonObjects(await grpcurl(harness.target, 'grpc.health.v1.Health/Check'))).toEqual([
      { status: 'SERVING' },
    ]);
  });
});
