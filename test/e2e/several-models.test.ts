import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { EngineOptions, ModelState } from '../../src/engine/index.js';
import { estimateModelBytes } from '../../src/engine/model/model-memory.js';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { requestFor } from '../support/engine-under-test.js';
import { fixtureCheckpoint } from '../support/fixtures.js';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { ROOT } from '../support/linnet-process.js';

const TINY = { id: 'tiny', directory: fixtureCheckpoint('real-vocab') };
const FABLE = { id: 'fable', directory: join(ROOT, 'models/fable') };
const KV_CACHE_BYTES = 2 ** 24;
const NEVER_MS = 600_000;

let linnet: Linnet;
let copy: CheckpointCopy | undefined;
afterEach(async () => {
  await linnet.close();
  copy?.remove();
  copy = undefined;
});

async function start(engine: Partial<EngineOptions>): Promise<void> {
  linnet = await startLinnet({ engine: { kvCacheBytes: KV_CACHE_BYTES, ...engine } });
}

/** A model whose config is not GPT-2's, and what mends it. */
function brokenModel() {
  const broken = new CheckpointCopy();
  copy = broken;
  const config = readFileSync(broken.configPath);
  writeFileSync(broken.configPath, '{"model_type":"bert"}');
  const mend = () => writeFileSync(broken.configPath, config);
  return { model: { id: 'broken', directory: broken.directory }, mend };
}

const ask = (model: string) => linnet.gateway.post({ model, prompt: 'Once', max_tokens: 3, seed: 1 });

async function get(path: string) {
  const response = await fetch(`${linnet.gateway.url}${path}`);
  return { status: response.status, body: await response.json() };
}

function until(id: string, state: ModelState): Promise<void> {
  return new Promise((resolve) => {
    const stop = linnet.engine.onStateChange((model) => {
      if (model.id !== id || model.state !== state) return;
      stop();
      resolve();
    });
  });
}

const TAKES_MEMORY = expect.toSatisfy((bytes: number) => bytes > KV_CACHE_BYTES);
const ERROR = expect.stringMatching(/^config\.json: `model_type`: must be "gpt2"[^\n]*$/);

describe('the states and the memory of several models', () => {
  it('are told by health and by /v1/models, and one that fails is no harm to the service', async () => {
    const { model, mend } = brokenModel();
    await start({ models: [TINY, model, FABLE], loadRetryDelayMs: NEVER_MS });
    expect((await ask('tiny')).status).toBe(200);
    const refused = await ask('broken');
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: 'model_load_failed', message: ERROR } });

    const expected = [
      { id: 'tiny', state: 'ready', memory_bytes: TAKES_MEMORY, context_length: 256 },
      { id: 'broken', state: 'failed', memory_bytes: 0, error: ERROR },
      { id: 'fable', state: 'unloaded', memory_bytes: 0 },
    ];
    expect(await get('/v1/models')).toMatchObject({ status: 200, body: { data: expected } });
    expect(await get('/v1/models/broken')).toMatchObject({ status: 200, body: expected[1] });
    expect(await get('/health')).toMatchObject({
      status: 200,
      body: { status: 'ok', model: expected[0], models: expected },
    });

    mend();
    // The next request tries again.
    expect((await ask('broken')).status).toBe(200);
    const { body } = await get('/v1/models/broken');
    expect(body).toMatchObject({ state: 'ready', memory_bytes: TAKES_MEMORY });
    expect(body).not.toHaveProperty('error');
  });

  it('show one that loads, while the other one answers', async () => {
    const estimates = [TINY, FABLE].map(({ directory }) => estimateModelBytes(directory, 'f32'));
    const memoryBytes = Math.max(...(await Promise.all(estimates))) + KV_CACHE_BYTES + 1000;
    await start({ models: [TINY, FABLE], memoryBytes });
    // A stream that nobody reads on: as long as it lasts there is no memory for the other model.
    const request = requestFor('Once', { model: 'tiny', maxTokens: 200 });
    const stream = linnet.engine.generate(request, new AbortController().signal)[Symbol.asyncIterator]();
    await stream.next();
    const loading = until('fable', 'loading');
    const waiting = ask('fable');
    await loading;

    expect((await ask('tiny')).status).toBe(200);
    const models = [
      { id: 'tiny', state: 'ready' },
      { id: 'fable', state: 'loading' },
    ];
    expect(await get('/v1/models')).toMatchObject({ body: { data: models } });
    expect(await get('/health')).toMatchObject({ status: 200, body: { models } });

    await stream.return?.();
    expect((await waiting).status).toBe(200);
    expect(await get('/health')).toMatchObject({
      status: 200,
      body: { models: [{ state: 'unloaded', memory_bytes: 0 }, { state: 'ready' }] },
    });
  });
});

describe('a service of which no model could be loaded', () => {
  it('says so to health, tries again by itself, and is healthy once one is there', async () => {
    const { model, mend } = brokenModel();
    await start({ models: [model], loadRetryDelayMs: 20 });
    expect((await ask('')).status).toBe(503);
    await vi.waitFor(async () => expect(await get('/health')).toMatchObject({ status: 503 }));
    expect(await get('/v1/models')).toMatchObject({ body: { data: [{ error: ERROR }] } });
    mend();
    // Nobody asks for the model.
    await vi.waitFor(
      async () =>
        expect(await get('/health')).toMatchObject({
          status: 200,
          body: { status: 'ok', model: { id: 'broken', state: 'ready' } },
        }),
      { timeout: 20_000, interval: 50 },
    );
  });
});
