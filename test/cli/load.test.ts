import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LinnetProcess, serve } from '../support/linnet-process.js';

async function load(...args: string[]) {
  const linnet = new LinnetProcess(['load', ...args]);
  const code = await linnet.end();
  return { code, stdout: linnet.stdout, stderr: linnet.stderr };
}

describe('linnet load', () => {
  it('puts a load on a service, prints what came of it, and writes it to a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linnet-load-'));
    const { linnet, addresses } = await serve(['--preload']);
    onTestFinished(async () => {
      linnet.kill('SIGKILL');
      await linnet.end();
      rmSync(folder, { recursive: true });
    });
    const file = join(folder, 'result.json');
    const short = ['--duration', '1s', '--prompt-tokens', '5-20', '--max-tokens', '5', '--variety', '3'];
    const { code, stdout } = await load(addresses.http, ...short, '--check', '--json', file);
    expect(stdout).toMatch(
      /^\d+ requests in [\d.]+ s: \d+ completed, 0 refused, 0 failed, 0 left early, 0 wrong\.$/m,
    );
    expect(stdout).toMatch(/^first token +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+ +\d+$/m);
    expect(stdout).toMatch(/^process_resident_memory_bytes\{process="engine"\} \d+ -> \d+ MiB$/m);
    expect(code).toBe(0);
    const result = JSON.parse(readFileSync(file, 'utf8'));
    expect(result.options).toMatchObject({
      durationMs: 1000,
      variety: 3,
      completionTokens: { low: 5, high: 5 },
    });
    expect(result.completionTokens).toBe(result.counts.completed * 5);
  });

  it('fails where nothing answers, and says why', async () => {
    const { code, stdout } = await load('grpc://127.0.0.1:1', '--duration', '300ms', '--clients', '1');
    expect(stdout).toMatch(/^ {2}failed: UNAVAILABLE \d+$/m);
    expect(code).toBe(1);
  });

  it('says how to get a service where there is none', async () => {
    const { code, stderr } = await load('http://127.0.0.1:1', '--duration', '300ms');
    expect(stderr).toMatch(/^linnet: Nothing answers at http:\/\/127\.0\.0\.1:1\/metrics .*`linnet serve`/);
    expect(code).toBe(1);
  });

  it.each([
    [['ftp://x'], /ftp:\/\/x is no target; give http:/],
    [['http://x', '--leavers', '2'], /--leavers must be from 0 to 1/],
    [['http://x', '--prompt-tokens', '9-3'], /--prompt-tokens 9-3: give a number of tokens/],
    [['http://x', '--duration', 'long'], /--duration long: give a time/],
    [['http://x', '--rate', '0'], /--rate must be above 0/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await load(...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
