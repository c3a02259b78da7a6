import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EXAMPLE_CLIENTS } from '../support/clients.js';
import { TRANSPORTS } from '../support/interop-access.js';
import { ENDLESS_TOKENS, type InteropService, startInteropService } from '../support/interop-service.js';
import type { ProgramResult } from '../support/shell.js';

const PROMPT = 'The future of AI is';
const GREEDY = ['--temperature', '0'];
const ENDLESS = [...GREEDY, '--max-tokens', String(ENDLESS_TOKENS)];

/** What a client told of a failure, its code as no language writes it: `invalidargument`. */
function readFailure({ code, stdout, stderr }: ProgramResult) {
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^\n\w+: .*\n( {2}.*\n)*$/) });
  const [first = '', ...details] = stderr.trim().split('\n');
  const [, status = '', message] = /^(\w+): (.*)$/.exec(first) ?? [];
  return {
    text: stdout,
    // Some languages cancel with two l.
    status: status.replaceAll('_', '').toLowerCase().replace('cancelled', 'canceled'),
    message,
    details: details.map((line) => line.trim()),
  };
}

describe.each(TRANSPORTS)('The service over %s', (transport) => {
  let service: InteropService;
  beforeAll(async () => {
    service = await startInteropService(transport);
  });
  afterEach(() => service.untilIdle());
  afterAll(() => service.close());

  for (const { name, obstacle, run, seconds } of EXAMPLE_CLIENTS) {
    const complete = (...args: string[]) =>
      run(['--address', service.target, ...service.access.clientArgs, ...args, PROMPT]);
    const skipped = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

    describe.skipIf(obstacle !== undefined)(`and the ${name} client${skipped}`, () => {
      it('stream a completion', async () => {
        const { code, stdout, stderr } = await complete(...GREEDY, '--max-tokens', '20');
        expect({ code, stdout }).toEqual({ code: 0, stdout: await service.textOf(PROMPT, 20) });
        expect(stderr).toMatch(/LENGTH: 20 tokens\n$/);
      });

      it('cancel a call', async () => {
        const { status, details, text } = readFailure(await complete(...ENDLESS, '--cancel-after', '5'));
        expect({ status, details }).toEqual({ status: 'canceled', details: [] });
        expect(text).not.toBe('');
        expect(text.length).toBeLessThan(ENDLESS_TOKENS / 4);
      });

      it('cancel by key, and read on until the stream ends', async () => {
        const byKey = ['--cancel-after', '5', '--cancel-by', 'key'];
        const { status, details, text } = readFailure(await complete(...ENDLESS, ...byKey));
        const reason = ['reason: CANCELLED', expect.stringMatching(/^request_id: ./)];
        expect({ status, details }).toEqual({ status: 'canceled', details: reason });
        expect(text).not.toBe('');
        expect(text.length).toBeLessThan(ENDLESS_TOKENS / 4);
      });

      it('keep a deadline, and what came before it', async () => {
        const { status, text } = readFailure(await complete(...ENDLESS, '--timeout', seconds(2)));
        expect(status).toBe('deadlineexceeded');
        expect(text).not.toBe('');
      });

      it('tell which field is wrong, and why', async () => {
        const { status, message, details } = readFailure(await complete('--temperature', '3'));
        expect({ status, message }).toEqual({
          status: 'invalidargument',
          message: '`temperature` must be between 0 and 2; got 3.',
        });
        expect(details).toEqual(expect.arrayContaining(['reason: INVALID_FIELD', 'got: 3']));
        expect(details).toContain(`field temperature: ${message}`);
      });

      it('tell when to come back', async () => {
        const leave = await service.occupy();
        const { status, details } = readFailure(await complete());
        leave();
        expect(status).toBe('resourceexhausted');
        expect(details).toContain('reason: QUEUE_FULL');
        expect(details).toContainEqual(expect.stringMatching(/^retry after: \d+(\.\d+)? s$/));
      });

      it.runIf(transport === 'TLS and API keys')('do not let strangers in', async () => {
        const args = ['--address', service.target, ...service.access.strangerArgs, PROMPT];
        const { status, details, text } = readFailure(await run(args));
        expect({ status, text }).toEqual({ status: 'unauthenticated', text: '' });
        expect(details).toContain('reason: API_KEY_INVALID');
      });

      it.runIf(transport === 'mTLS')('do not shake hands with strangers', async () => {
        const args = ['--address', service.target, ...service.access.strangerArgs, PROMPT];
        const { code, stdout, stderr } = await run(args);
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
        // Libraries write lines of their own of a failed handshake, and Connect calls it internal.
        expect(stderr).toMatch(/^(Unavailable|Internal): /im);
        expect(stderr).not.toContain('reason:');
      });
    });
  }
});

describe('Where there is no service', () => {
  for (const { name, obstacle, run } of EXAMPLE_CLIENTS) {
    it.skipIf(obstacle !== undefined)(`the ${name} client says so`, async () => {
      const { status, details } = readFailure(await run(['--address', '127.0.0.1:1', PROMPT]));
      expect({ status, details }).toEqual({ status: 'unavailable', details: [] });
    });
  }
});
