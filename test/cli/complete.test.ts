import { describe, expect, it, onTestFinished } from 'vitest';
import { type LinnetOptions, LinnetProcess, serve } from '../support/linnet-process.js';
import { runInShell } from '../support/shell.js';

const GREEDY = ['--temperature', '0', '--max-tokens', '12'];

async function run(args: readonly string[], options?: LinnetOptions) {
  const linnet = new LinnetProcess(args, options);
  const code = await linnet.end();
  return { code, stdout: linnet.stdout, stderr: linnet.stderr };
}

describe('linnet complete', () => {
  it('prints the completion and nothing else, without a server', async () => {
    const { code, stdout, stderr } = await run(['complete', 'Once upon a time', ...GREEDY]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toBe('');
    expect(stdout).not.toContain('Once upon a time');
  });

  it('gives the same from standard input, and from a service', async () => {
    const { linnet, addresses } = await serve(['--log-level', 'silent']);
    onTestFinished(() => linnet.kill('SIGKILL'));
    const { stdout } = await run(['complete', 'Once upon a time', ...GREEDY]);
    const piped = await run(['complete', ...GREEDY], { input: 'Once upon a time\n' });
    const dashed = await run(['complete', '-', ...GREEDY], { input: 'Once upon a time' });
    const served = await run(['complete', 'Once upon a time', '--address', addresses.grpc, ...GREEDY]);
    expect([piped.stdout, dashed.stdout, served.stdout]).toEqual([stdout, stdout, stdout]);
  });

  it('repeats itself with a seed', async () => {
    const args = ['complete', 'Once upon a time', '--seed', '-7', '--max-tokens', '12'];
    const [first, second] = [await run(args), await run(args)];
    expect(first.code).toBe(0);
    expect(second.stdout).toBe(first.stdout);
  });

  it('ends before a stop string', async () => {
    const { stdout } = await run(['complete', 'Once upon a time', ...GREEDY]);
    const stop = stdout.trim().split(' ')[2] ?? '';
    const stopped = await run(['complete', 'Once upon a time', ...GREEDY, '--stop', stop]);
    expect(stopped.stdout).toBe(stdout.slice(0, stdout.indexOf(stop)));
  });

  it('changes the text by penalties, which less than nothing turns around', async () => {
    const text = async (...args: string[]) =>
      (await run(['complete', 'The king was', '--temperature', '0', '--max-tokens', '60', ...args])).stdout;
    const numWords = (text: string) => new Set(text.split(/\W+/)).size;
    const free = numWords(await text());
    expect(numWords(await text('--frequency-penalty', '1'))).toBeGreaterThan(free);
    expect(numWords(await text('--presence-penalty', '2'))).toBeGreaterThan(free);
    expect(numWords(await text('--repetition-penalty', '1.3'))).toBeGreaterThan(free);
    expect(numWords(await text('--frequency-penalty', '-2'))).toBeLessThan(free);
  });

  it.each([
    [['--min-p', '2'], /^linnet: `min_p` must be between 0 and 1; got 2\.\n$/],
    [['--temperature', '3'], /^linnet: `temperature` must be between 0 and 2; got 3\.\n$/],
    [['--max-tokens', 'few'], /'few' is invalid.*whole number/],
    [['--seed', '9223372036854775808'], /64 bits/],
    [['--model', '/nowhere'], /^linnet: The model "\/nowhere" \(--model\) can't be found/],
    [['--sead', '1'], /unknown option '--sead'/],
  ])('exits with 2 where the command line makes no sense: %j', async (args, message) => {
    const { code, stdout, stderr } = await run(['complete', 'a', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('exits with 2 where nothing comes through the pipe, and says what would do', async () => {
    const { code, stderr } = await runInShell('node dist/cli/main.js complete </dev/null');
    expect(stderr).toBe('linnet: The prompt is empty. "<|endoftext|>" begins a text from nothing.\n');
    expect(code).toBe(2);
  });

  it('exits with 1 where the service does not answer', async () => {
    const { code, stderr } = await run(['complete', 'a', '--address', '127.0.0.1:1']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^linnet: [^\n]*127\.0\.0\.1:1\b[^\n]+\n$/);
  });

  it('exits with 130 on Ctrl-C', async () => {
    const linnet = new LinnetProcess(['complete', 'Once upon a time', '--max-tokens', '400', '--seed', '1']);
    await linnet.until('stdout', /\S/);
    linnet.kill('SIGINT');
    expect(await linnet.end()).toBe(130);
  });

  it('ends quietly when its reader goes away', async () => {
    const command =
      'set -o pipefail; node dist/cli/main.js complete "Once upon a time" --max-tokens 400 --seed 1 | head -c 10; echo "|$?"';
    const { stdout, stderr } = await runInShell(command);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/\|0\n$/);
  });
});

describe('linnet config', () => {
  it('prints each setting with its origin', async () => {
    const { code, stdout } = await run(['config', '--http-port', '1'], {
      environment: { LINNET_MODEL: 'tale' },
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^httpPort +1 +--http-port +port of the HTTP gateway$/m);
    expect(stdout).toMatch(/^model +tale +LINNET_MODEL /m);
    expect(stdout).toMatch(/^kvCache +1GiB +default /m);
  });
});
