import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { type Linnet, startLinnet } from '../support/linnet.js';

let checkpoint: CheckpointCopy;
let linnet: Linnet;
beforeEach(async () => {
  checkpoint = new CheckpointCopy();
  // A request that comes while the service itself tries again shares what becomes of that, which here began too early.
  const models = [{ id: 'mended', directory: checkpoint.directory }];
  linnet = await startLinnet({ engine: { models, loadRetryDelayMs: 600_000 } });
});
afterEach(async () => {
  await linnet.close();
  checkpoint.remove();
});

const request = { prompt: 'Hi', max_tokens: 2, seed: 1 };

async function health() {
  const response = await fetch(`${linnet.gateway.url}/health`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('A model whose checkpoint is broken', () => {
  it.each<[string, (checkpoint: CheckpointCopy) => void, RegExp]>([
    ['without weights', ({ weightsPath }) => rmSync(weightsPath), /holds neither model\.safetensors nor/],
    [
      'with weights cut short',
      ({ weightsPath }) => truncateSync(weightsPath, 1_000_000),
      /truncated: tensor/,
    ],
    [
      'with a config that is no JSON',
      ({ configPath }) => writeFileSync(configPath, '{'),
      /config\.json: not valid/,
    ],
  ])(
    '%s is told of by requests and health with 503, and serves once it is mended',
    async (_, damage, problem) => {
      const { configPath, weightsPath } = checkpoint;
      const config = readFileSync(configPath);
      const weights = readFileSync(weightsPath);
      damage(checkpoint);
      // Nobody has tried yet.
      expect(await health()).toMatchObject({
        status: 200,
        body: { model: { id: 'mended', state: 'unloaded' } },
      });

      const message = expect.stringMatching(new RegExp(`^(?=.*${problem.source})[^\\n]+$`));
      const error = { message, type: 'server_error', param: null, code: 'model_load_failed' };
      for (const stream of [false, true]) {
        const response = await linnet.gateway.post({ ...request, stream });
        expect(response.status).toBe(503);
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
        expect(await response.json()).toEqual({ error });
        expect(await health()).toMatchObject({ status: 503, body: { status: 'unavailable', error } });
      }
      const listed = await (await fetch(`${linnet.gateway.url}/v1/models`)).json();
      expect(listed).toMatchObject({ data: [{ id: 'mended', state: 'failed', error: message }] });
      expect((await fetch(`${linnet.gateway.url}/health/live`)).status).toBe(200);

      writeFileSync(configPath, config);
      writeFileSync(weightsPath, weights);
      expect((await linnet.gateway.post(request)).status).toBe(200);
      expect(await health()).toMatchObject({
        status: 200,
        body: { status: 'ok', model: { state: 'ready' } },
      });
    },
  );
});

describe('A model that is not in memory', () => {
  it('is loaded by the first requests together, each of which is served', async () => {
    expect(await health()).toMatchObject({ status: 200, body: { model: { state: 'unloaded' } } });
    const responses = Promise.all([1, 2, 3].map(() => linnet.gateway.post(request)));
    const states: unknown[] = [];
    linnet.engine.onStateChange(({ state }) => states.push(state));
    const texts = (await responses).map(async (response) => (await response.json()).choices[0].text);
    expect(new Set(await Promise.all(texts)).size).toBe(1);
    expect(states).toEqual(['loading', 'ready']);
    expect(await health()).toMatchObject({ status: 200, body: { model: { state: 'ready' } } });
  });
});
