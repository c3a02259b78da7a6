import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LinnetProcess } from '../support/linnet-process.js';
import { NO_TERMINAL, PseudoTerminal } from '../support/pseudo-terminal.js';

const COMPLETE = ['complete', 'Once upon a time', '--seed', '3', '--max-tokens', '40'];
const COLORED = [...COMPLETE, '--color', 'probability'];

function open(args: readonly string[], environment?: Readonly<Record<string, string>>): PseudoTerminal {
  const quoted = args.map((arg) => `'${arg}'`).join(' ');
  const terminal = new PseudoTerminal(`exec node dist/cli/main.js ${quoted}`, environment);
  onTestFinished(() => terminal.close());
  return terminal;
}

async function run(args: readonly string[], environment?: Readonly<Record<string, string>>) {
  const terminal = open(args, environment);
  const code = await terminal.end();
  return { code, output: terminal.output.replaceAll('\r\n', '\n') };
}

async function runPiped(args: readonly string[], environment: Record<string, string> = {}) {
  const linnet = new LinnetProcess(args, { environment });
  const code = await linnet.end();
  return { code, stdout: linnet.stdout, stderr: linnet.stderr };
}

describe.skipIf(NO_TERMINAL)('linnet complete on a terminal', () => {
  it('colours the same text by probability, and explains the colours', async () => {
    // In this order: where the model must be quantized first, a terminal shows progress.
    const [plain, colored] = [await runPiped(COMPLETE), await run(COLORED)];
    expect(colored.code).toBe(0);
    const codes = [31, 32, 33, 36].filter((code) => colored.output.includes(`\u001b[${code}m`));
    expect(codes).toEqual([31, 32, 33, 36]);
    const text = stripVTControlCharacters(colored.output);
    expect(text.startsWith(plain.stdout)).toBe(true);
    expect(text).toMatch(/\n\n40 tokens · .* · seed 3\ngreen at least 50 % · .* · red less\n$/);
  });

  it.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }, { NO_COLOR: '1', FORCE_COLOR: '1' }])(
    'has no colours with %j',
    async (environment) => {
      const { code, output } = await run(COLORED, environment);
      expect(code).toBe(0);
      expect(output).not.toContain('\u001b');
    },
  );

  it('has none without being asked', async () => {
    expect((await run(COMPLETE)).output).not.toContain('\u001b');
  });

  it('says what is missing where nothing is piped in', async () => {
    const { code, output } = await run(['complete']);
    expect(code).toBe(2);
    expect(output).toBe('linnet: There is no prompt. Give one as an argument, or pipe one in.\n');
  });

  it('reads what is typed up to Ctrl-D', async () => {
    const terminal = open(['complete', '-', '--max-tokens', '3']);
    terminal.type('Once upon a time\n\u0004\u0004');
    expect(await terminal.end()).toBe(0);
    expect(terminal.output).toContain('3 tokens');
  });

  it('exits with 130 when Ctrl-C is typed', async () => {
    const terminal = open(['complete', 'Once upon a time', '--max-tokens', '400', '--seed', '1']);
    await terminal.until(/[a-z]{3}/);
    terminal.type('\u0003');
    expect(await terminal.end()).toBe(130);
  });
});

describe('linnet complete in a pipe', () => {
  it('has no colours, unless they are forced', async () => {
    const [plain, asked] = [await runPiped(COMPLETE), await runPiped(COLORED)];
    expect(asked).toEqual(plain);
    const forced = await runPiped(COLORED, { FORCE_COLOR: '1', NO_COLOR: '' });
    expect(forced.stdout).toContain('\u001b[32m');
    expect(stripVTControlCharacters(forced.stdout)).toBe(plain.stdout);
  });
});

const SERVE = ['serve', '--preload', '--http-port', '0', '--grpc-port', '0', '--log-level', 'warn'];

async function serve(args: readonly string[] = []) {
  const terminal = open([...SERVE, ...args]);
  await terminal.until(/Ctrl-C ends it/);
  const [, http = ''] = /^ +HTTP +(\S+)/m.exec(stripVTControlCharacters(terminal.output)) ?? [];
  return { terminal, http };
}

describe.skipIf(NO_TERMINAL)('linnet serve on a terminal', () => {
  it('shows its load in one line, and takes it away at the end', async () => {
    const { terminal, http } = await serve();
    await terminal.until(/ {2}0 running · 0 waiting · 0 tokens\/s · KV cache 0 %/);
    const bodies = Array.from({ length: 8 }, (_, seed) => complete(http, seed));
    await terminal.until(/[1-8] running · 0 waiting · \d\d+ tokens\/s · KV cache [1-9]\d* %/);
    expect(await Promise.all(bodies)).toEqual(Array.from({ length: 8 }, () => 200));
    terminal.type('\u0003');
    expect(await terminal.end()).toBe(0);
    const [last] = terminal.output.split('\r\u001b[2K').slice(-1);
    expect(last).not.toContain('running');
  });

  it('shows none where the log is JSON', async () => {
    const { terminal, http } = await serve(['--log', 'json', '--log-level', 'info']);
    expect(await complete(http, 1)).toBe(200);
    await terminal.until(/\{"level":30[^\n]*completions/);
    terminal.type('\u0003');
    expect(await terminal.end()).toBe(0);
    expect(terminal.output).not.toContain('\u001b[2K');
    expect(terminal.output).not.toContain('running ·');
  });
});

async function complete(http: string, seed: number): Promise<number> {
  const response = await fetch(`${http}/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'Once upon a time', max_tokens: 480, ignore_eos: true, seed }),
  });
  await response.arrayBuffer();
  return response.status;
}
