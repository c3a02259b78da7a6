import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TRANSPORTS } from '../support/interop-access.js';
import { ENDLESS_TOKENS, type InteropService, startInteropService } from '../support/interop-service.js';
import { GRPCURL, resultOf, runProgram } from '../support/shell.js';

const METHOD = 'linnet.v1.Completion/Generate';
const PROMPT = 'The future of AI is';
const ENDLESS = { prompt: PROMPT, max_tokens: ENDLESS_TOKENS, temperature: 0 };

/** Reads the JSON objects that a tool printed one after another. */
function jsonObjects(text: string): Record<string, Record<string, unknown>>[] {
  return JSON.parse(`[${text.trim().replace(/\}\s*\{/g, '},{')}]`);
}

const skipped = GRPCURL === undefined ? ' (skipped: neither on the PATH nor named by GRPCURL)' : '';

describe.each(TRANSPORTS)('Over %s', (transport) => {
  let service: InteropService;
  beforeAll(async () => {
    service = await startInteropService(transport);
  });
  afterEach(() => service.untilIdle());
  afterAll(() => service.close());

  async function expectCompletion(printed: string): Promise<void> {
    const events = jsonObjects(printed);
    expect(events[0]).toMatchObject({ accepted: { model: expect.any(String), promptTokens: 5 } });
    expect(events.at(-1)).toMatchObject({
      finished: { finishReason: 'FINISH_REASON_LENGTH', usage: { completionTokens: 15 } },
    });
    const text = events.map(({ delta }) => delta?.['text'] ?? '').join('');
    expect(text).toBe(await service.textOf(PROMPT, 15));
  }

  describe('buf curl', () => {
    it('streams a completion by what reflection tells', async () => {
      const args = ['curl', '--protocol', 'grpc', ...service.access.bufArgs];
      const body = JSON.stringify({ ...ENDLESS, max_tokens: 15 });
      const { stdout } = await runProgram('node_modules/.bin/buf', [
        ...[...args, '-d', body, `${service.access.scheme}://${service.target}/${METHOD}`],
      ]);
      await expectCompletion(stdout);
    });
  });

  describe.skipIf(GRPCURL === undefined)(`grpcurl${skipped}`, () => {
    const argsOf = (body: object, method: string, ...options: string[]) => [
      ...[...service.access.grpcurlArgs, ...options, '-d', JSON.stringify(body), service.target, method],
    ];
    const grpcurl = (body: object, ...options: string[]) =>
      runProgram(GRPCURL!, argsOf(body, METHOD, '-format-error', ...options));

    it('streams a completion by what reflection tells', async () => {
      const { stdout } = await grpcurl({ ...ENDLESS, max_tokens: 15 });
      await expectCompletion(stdout);
    });

    it('ends its call when it is ended', async () => {
      const running = spawn(GRPCURL!, argsOf(ENDLESS, METHOD));
      await once(running.stdout, 'data');
      running.kill('SIGINT');
      await service.untilIdle();
    });

    it('cancels by key, from beside the stream', async () => {
      const cancel_key = crypto.randomUUID();
      const running = spawn(GRPCURL!, argsOf({ ...ENDLESS, cancel_key }, METHOD, '-format-error'));
      const result = resultOf(running);
      await once(running.stdout, 'data');
      const cancelled = await runProgram(GRPCURL!, argsOf({ cancel_key }, 'linnet.v1.Completion/Cancel'));
      expect(jsonObjects(cancelled.stdout)).toEqual([{ cancelledRequests: 1 }]);
      const { stderr } = await result;
      expect(JSON.parse(stderr)).toMatchObject({
        code: 1,
        details: [{ reason: 'CANCELLED', domain: 'linnet' }],
      });
    });

    it('keeps a deadline', async () => {
      const { stdout, stderr } = await grpcurl(ENDLESS, '-max-time', '2');
      expect(JSON.parse(stderr)).toMatchObject({ code: 4 });
      expect(stdout).toContain('"accepted"');
    });

    it('shows what an error carries', async () => {
      const { stderr } = await grpcurl({ ...ENDLESS, temperature: 3 });
      expect(JSON.parse(stderr)).toMatchObject({
        code: 3,
        details: [
          { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'INVALID_FIELD' },
          {
            '@type': 'type.googleapis.com/google.rpc.BadRequest',
            fieldViolations: [{ field: 'temperature' }],
          },
        ],
      });
      const leave = await service.occupy();
      const refused = await grpcurl(ENDLESS);
      leave();
      expect(JSON.parse(refused.stderr)).toMatchObject({
        code: 8,
        details: [
          { reason: 'QUEUE_FULL' },
          {
            '@type': 'type.googleapis.com/google.rpc.RetryInfo',
            retryDelay: expect.stringMatching(/^[\d.]+s$/),
          },
        ],
      });
    });
  });
});
