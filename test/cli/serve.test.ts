import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { LinnetProcess, ROOT, serve as startServe } from '../support/linnet-process.js';
import { occupyPort } from '../support/occupied-port.js';
import { GRPCURL, hasCommand, runInShell, withGrpcurl } from '../support/shell.js';

/** Serves until the test ends, the model loaded from the start unless said otherwise. */
async function serve(
  args: readonly string[] = ['--preload'],
  options: Parameters<typeof startServe>[1] = {},
) {
  const started = await startServe(args, options);
  onTestFinished(() => end(started.linnet));
  return started;
}

function start(args: readonly string[]): LinnetProcess {
  const linnet = new LinnetProcess(args);
  onTestFinished(() => end(linnet));
  return linnet;
}

async function end(linnet: LinnetProcess): Promise<void> {
  linnet.kill('SIGKILL');
  await linnet.end();
}

/** The process id of the engine, which says in its log that the model is loaded. */
async function enginePid(linnet: LinnetProcess): Promise<number> {
  const [, pid] = await linnet.until('stderr', /"pid":(\d+)[^\n]*The model is loaded/);
  return Number(pid);
}

async function expectGone(pid: number): Promise<void> {
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { timeout: 20_000 });
}

function stream(http: string, maxTokens: number): Promise<Response> {
  return fetch(`${http}/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'Once upon a time', max_tokens: maxTokens, stream: true }),
  });
}

/** The lines of the banner that are commands. */
function commandsOf(banner: string): string[] {
  return banner
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^(curl|grpcurl) /.test(line));
}

describe('linnet serve', () => {
  it.skipIf(!hasCommand('curl'))('prints a curl command that works as it stands', async () => {
    const { linnet } = await serve();
    const [curl = ''] = commandsOf(linnet.stdout);
    const { code, stdout } = await runInShell(curl);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^data: \{"id":"cmpl-[^\n]+\n\n/);
    expect(stdout).toMatch(/data: \[DONE\]\n\n$/);
  });

  it.skipIf(GRPCURL === undefined)('prints a grpcurl command that works as it stands', async () => {
    const { linnet } = await serve();
    const [, grpcurl = ''] = commandsOf(linnet.stdout);
    const { code, stdout } = await runInShell(withGrpcurl(grpcurl));
    expect(code).toBe(0);
    expect(stdout).toContain('"accepted"');
    expect(stdout).toContain('"finishReason": "FINISH_REASON_');
  });

  it('prints plain text, and nothing else, on a standard output that is no terminal', async () => {
    const { linnet, addresses } = await serve(['--preload'], { environment: { FORCE_COLOR: '1' } });
    await (await fetch(`${addresses.http}/health`)).text();
    await linnet.until('stderr', /"path":"\/health"/);
    expect(linnet.stdout).not.toContain('\u001b');
    expect(linnet.stdout).not.toContain('{"level"');
    for (const line of linnet.stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
  });

  it('starts an engine that dies again on its port, and answers 503 meanwhile', async () => {
    const { linnet, addresses } = await serve();
    process.kill(await enginePid(linnet), 'SIGKILL');
    await vi.waitFor(async () => expect((await fetch(`${addresses.http}/health`)).status).toBe(503));
    expect((await stream(addresses.http, 1)).status).toBe(503);
    await linnet.until('stderr', /ended by itself \(SIGKILL\)\. It is started again/);
    await linnet.until('stderr', /The engine is ready again/);
    await vi.waitFor(async () => expect((await stream(addresses.http, 1)).status).toBe(200), {
      timeout: 20_000,
    });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('finishes a stream at %s, then ends', async (signal) => {
    const { linnet, addresses } = await serve();
    const pid = await enginePid(linnet);
    const response = await stream(addresses.http, 64);
    linnet.kill(signal);
    linnet.kill(signal);
    expect(await response.text()).toMatch(/"finish_reason":"(length|stop)"[^\n]*\n\ndata: \[DONE\]\n\n$/);
    expect(await linnet.end()).toBe(0);
    await expectGone(pid);
  });

  it('ends at once, the engine too, at a second signal', async () => {
    const { linnet, addresses } = await serve(['--preload', '--drain-grace', '1h']);
    const pid = await enginePid(linnet);
    // Several, so that one that ends early does not end the drain.
    const responses = await Promise.all(Array.from({ length: 8 }, () => stream(addresses.http, 480)));
    linnet.kill('SIGTERM');
    await linnet.until('stderr', /Got SIGTERM/);
    const insist = setInterval(() => linnet.kill('SIGTERM'), 100);
    expect(await linnet.end()).toBe(1);
    clearInterval(insist);
    const ends = await Promise.allSettled(responses.map((response) => response.text()));
    expect(ends.map(({ status }) => status)).toContain('rejected');
    await expectGone(pid);
  });

  it('takes the engine with it when it is killed', async () => {
    const { linnet } = await serve();
    const pid = await enginePid(linnet);
    linnet.kill('SIGKILL');
    await expectGone(pid);
  });

  it.each(['--http-port', '--grpc-port'])('says in one line that the port of %s is in use', async (flag) => {
    const { port, server } = await occupyPort();
    const other = flag === '--http-port' ? '--grpc-port' : '--http-port';
    const linnet = start(['serve', flag, String(port), other, '0', '--log-level', 'silent']);
    expect(await linnet.end()).toBe(1);
    const variable = flag === '--http-port' ? 'LINNET_HTTP_PORT' : 'LINNET_GRPC_PORT';
    expect(linnet.stderr).toBe(
      `linnet: Port ${port} on 127.0.0.1 is in use. Choose another with ${flag} or ${variable}; 0 picks a free one.\n`,
    );
    expect(linnet.stdout).toBe('');
    server.close();
    await once(server, 'close');
  });

  it('does not start with a checkpoint that is broken', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'linnet-broken-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    copyFileSync(join(ROOT, 'models/fable/config.json'), join(directory, 'config.json'));
    const linnet = start([
      'serve',
      '--http-port',
      '0',
      '--grpc-port',
      '0',
      '--preload',
      '--model',
      directory,
    ]);
    expect(await linnet.end()).toBe(1);
    expect(linnet.stderr).toMatch(/^linnet: .*model\.safetensors/m);
  });

  it('starts at once, and loads the model with the first request, unless it is to be preloaded', async () => {
    const { linnet, addresses } = await serve([]);
    expect(linnet.stdout).toMatch(/Model +fable · loads with the first request/);
    expect((await stream(addresses.http, 1)).status).toBe(200);
  });
});

describe('linnet engine and linnet gateway', () => {
  it('work apart from each other', async () => {
    const engine = start(['engine', '--grpc-port', '0']);
    const [, address = ''] = await engine.until('stdout', /^ +gRPC +(\S+)$[\s\S]*Ctrl-C/m);
    const gateway = start(['gateway', '--http-port', '0', '--engine-address', address]);
    const [, http = ''] = await gateway.until('stdout', /^ +HTTP +(\S+)$[\s\S]*Ctrl-C/m);
    expect((await stream(http, 1)).status).toBe(200);
    gateway.kill('SIGTERM');
    expect(await gateway.end()).toBe(0);
    engine.kill('SIGTERM');
    expect(await engine.end()).toBe(0);
  });
});
