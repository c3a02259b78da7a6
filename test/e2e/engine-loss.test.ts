import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { LinnetProcess } from '../support/linnet-process.js';
import { readEvents, readRest } from '../support/sse.js';
import { startTestGateway } from '../support/test-gateway.js';

const NUM_STREAMS = 60;

async function startEngine(model: string) {
  const args = ['engine', '--grpc-port', '0', '--model', model, '--preload', '--log-level', 'warn'];
  const engine = new LinnetProcess(args, { environment: { LINNET_THREADS: '1' } });
  onTestFinished(async () => {
    engine.kill('SIGKILL');
    await engine.end();
  });
  const [, port = ''] = await engine.until('stdout', /^ +gRPC +\S+:(\d+)$[\s\S]*Ctrl-C/m);
  return { engine, address: `127.0.0.1:${port}` };
}

describe('One engine of three that is killed under 60 streams', () => {
  it('loses only its own, each with one clear error; new requests come at most a second later than before', async () => {
    const checkpoint = new CheckpointCopy().lengthen(8);
    onTestFinished(() => checkpoint.remove());
    const model = `long=${checkpoint.directory}`;
    const engines = await Promise.all([1, 2, 3].map(() => startEngine(model)));
    const gateway = await startTestGateway({ engineAddress: engines.map(({ address }) => address).join() });
    onTestFinished(() => gateway.close());
    const health = async () =>
      (await (await fetch(`${gateway.url}/health`)).json()) as {
        engines: { address: string; state: string; outstanding: number }[];
      };
    await vi.waitFor(
      async () =>
        expect((await health()).engines.map(({ state }) => state)).toEqual(['ready', 'ready', 'ready']),
      { timeout: 20_000 },
    );

    const request = { prompt: 'The future of AI is', stream: true, ignore_eos: true };
    const readers = await Promise.all(
      Array.from({ length: NUM_STREAMS }, async (_, seed) => {
        const events = readEvents(await gateway.post({ ...request, max_tokens: 500, seed }));
        expect((await events.next()).value).toContain('"text_completion"');
        return events;
      }),
    );
    const { outstanding: numHeld } = (await health()).engines[0]!;
    expect((await health()).engines.map(({ outstanding }) => outstanding)).toEqual([20, 20, 20]);

    // How long the slowest of ten takes.
    const askTen = async () => {
      const startedAtMs = performance.now();
      const latencies = Array.from({ length: 10 }, async () => {
        const response = await gateway.post({ ...request, max_tokens: 1 });
        expect(response.status).toBe(200);
        const firstMs = performance.now() - startedAtMs;
        expect(await readRest(readEvents(response))).toContain('[DONE]');
        return firstMs;
      });
      return Math.max(...(await Promise.all(latencies)));
    };
    const beforeMs = await askTen();
    engines[0]!.engine.kill('SIGKILL');
    const afterMs = await askTen();
    const endings = await Promise.all(readers.map(readRest));
    const lost = endings.filter((events) => events.at(-1) !== '[DONE]');
    expect(lost).toHaveLength(numHeld);
    for (const events of lost) {
      expect(events.filter((event) => event.includes('"error"'))).toHaveLength(1);
      const { error } = JSON.parse(events.at(-1)!);
      expect(error).toMatchObject({ type: 'server_error', code: 'engine_unavailable' });
      expect(error.message).toContain(engines[0]!.address);
    }
    // Beside as many streams on two engines in place of three; a busy machine is slow before, too.
    expect(afterMs).toBeLessThan(1000 + 2 * beforeMs);
  }, 180_000);
});
