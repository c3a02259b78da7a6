import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { EngineProcess } from '../../../src/cli/processes/engine-process.js';

const script = fileURLToPath(new URL('fixtures/engine-child.mjs', import.meta.url));

function createProcess(behaviour: string, endTimeoutMs = 10_000) {
  const lines: { msg: string }[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const environment = { ...process.env, LINNET_GRPC_PORT: '0' };
  const options = {
    script,
    args: [behaviour],
    environment,
    endTimeoutMs,
    log: pino(sink),
    restartDelayMs: 1,
  };
  const engine = new EngineProcess(options);
  onTestFinished(() => engine.kill());
  return { engine, lines };
}

async function pidOf(ready: Promise<readonly { id: string }[]>): Promise<number> {
  const [model] = await ready;
  return Number(model?.id);
}

describe('engine process', () => {
  it('tells its port and its models', async () => {
    const { engine } = createProcess('steady');
    const { port, ready } = await engine.start();
    expect(port).toBeGreaterThan(0);
    expect(await ready).toHaveLength(1);
  });

  it('is started again when it ends by itself, and says why', async () => {
    const { engine, lines } = createProcess('steady');
    const { ready } = await engine.start();
    process.kill(await pidOf(ready), 'SIGKILL');
    await vi.waitFor(() => expect(lines.map(({ msg }) => msg)).toContain('The engine is ready again.'));
    expect(lines[0]).toMatchObject({
      level: 50,
      restartInMs: 1,
      msg: 'The engine process ended by itself (SIGKILL). It is started again.',
    });
  });

  it.each([
    ['failing', 'Port 1 is in use.'],
    ['crashing', 'The engine process ended by itself (exit code 7).'],
  ])('is not started again where it could not start: %s', async (behaviour, message) => {
    const { engine, lines } = createProcess(behaviour);
    await expect(engine.start()).rejects.toThrow(message);
    expect(lines).toEqual([]);
  });

  it('is not started again where it ended before it was ready', async () => {
    const { engine, lines } = createProcess('dying');
    const { ready } = await engine.start();
    await expect(ready).rejects.toThrow('exit code 9');
    expect(lines).toEqual([]);
  });

  it('ends when asked to, without a restart', async () => {
    const { engine, lines } = createProcess('steady');
    const { ready } = await engine.start();
    const pid = await pidOf(ready);
    await engine.end();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(lines).toEqual([]);
  });

  it('is ended by force where it takes too long', async () => {
    const { engine } = createProcess('stubborn', 50);
    const { ready } = await engine.start();
    const pid = await pidOf(ready);
    await engine.end();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
