import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine, EngineOptions, ModelInfo, ModelState } from '../../src/engine/index.js';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { complete, createTestEngine, requestFor } from '../support/engine-under-test.js';
import { fixtureCheckpoint } from '../support/fixtures.js';
import { ROOT } from '../support/linnet-process.js';

const TINY = { id: 'tiny', directory: fixtureCheckpoint('real-vocab') };
const FABLE = { id: 'fable', directory: join(ROOT, 'models/fable') };
const KV = 2 ** 24;

let engine: Engine | undefined;
afterEach(async () => {
  await engine?.close();
});

function start(options: Partial<EngineOptions> = {}): Engine {
  engine = createTestEngine({ models: [TINY, FABLE], kvCacheBytes: KV, ...options });
  return engine;
}

const states = (of: Engine) => Object.fromEntries(of.models().map(({ id, state }) => [id, state]));
const ask = (of: Engine, model: string, maxTokens = 4) =>
  complete(of, requestFor('Once', { model, maxTokens }));

/** Resolves when a model is in a state, with what it then tells of itself. */
function until(of: Engine, id: string, state: ModelState): Promise<ModelInfo> {
  return new Promise((resolve) => {
    const stop = of.onStateChange((model) => {
      if (model.id !== id || model.state !== state) return;
      stop();
      resolve(model);
    });
  });
}

/** Begins a stream of many tokens, and reads its first event. Returns what reads the rest. */
async function begin(of: Engine, model: string): Promise<() => Promise<number>> {
  const stream = of.generate(requestFor('Once', { model, maxTokens: 200 }), new AbortController().signal);
  const events = stream[Symbol.asyncIterator]();
  await events.next();
  return async () => {
    let tokens = 0;
    for (let next = await events.next(); !next.done; next = await events.next())
      if (next.value.type === 'finished') tokens = next.value.usage.completionTokens;
    return tokens;
  };
}

/** What one model takes, as the engine reckons. */
async function bytesOf(id: string): Promise<number> {
  const probe = createTestEngine({ models: [TINY, FABLE], kvCacheBytes: KV });
  await probe.load(id);
  const bytes = probe.models().find((model) => model.id === id)?.memoryBytes ?? 0;
  await probe.close();
  return bytes;
}

describe('several models in one engine', () => {
  it('are chosen by the request, and each is loaded by its first one', async () => {
    const both = start();
    const tiny = await ask(both, '');
    expect(states(both)).toEqual({ tiny: 'ready', fable: 'unloaded' });
    const fable = await ask(both, 'fable');
    expect(states(both)).toEqual({ tiny: 'ready', fable: 'ready' });
    expect(fable.text).not.toBe(tiny.text);
    expect((await ask(both, 'tiny')).text).toBe(tiny.text);
    await expect(ask(both, 'other')).rejects.toMatchObject({ reason: 'MODEL_NOT_FOUND' });
  });

  it('go on while another one loads', async () => {
    const both = start();
    await both.load('tiny');
    const loading = until(both, 'fable', 'ready').then(() => 'loaded');
    const fable = ask(both, 'fable');
    expect(await Promise.race([ask(both, 'tiny').then(() => 'answered'), loading])).toBe('answered');
    await fable;
  });

  it('fail one by one: a load that fails fails its requests, and nobody else’s', async () => {
    const broken = { id: 'broken', directory: fixtureCheckpoint('untied') };
    const three = start({ models: [broken, TINY] });
    const [bad, good] = await Promise.allSettled([ask(three, 'broken'), ask(three, 'tiny')]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { reason: 'MODEL_LOAD_FAILED' } });
    expect(good).toMatchObject({ status: 'fulfilled' });
    expect(states(three)).toEqual({ broken: 'failed', tiny: 'ready' });
  });
});

describe('a model that nobody uses', () => {
  it('is unloaded after a while, not before, and loaded again by the next request', async () => {
    const both = start({ idleLimitMs: 300 });
    const before = await ask(both, 'tiny');
    expect(both.models()[0]).toMatchObject({ state: 'ready', memoryBytes: expect.any(Number) });
    expect(await until(both, 'tiny', 'unloaded')).toMatchObject({ memoryBytes: 0, error: undefined });
    expect((await ask(both, 'tiny')).text).toBe(before.text);
  });

  it('is kept as long as a request uses it', async () => {
    const both = start({ idleLimitMs: 1 });
    const finish = await begin(both, 'tiny');
    await expect(both.unload('tiny')).rejects.toMatchObject({
      reason: 'MODEL_BUSY',
      retryAfterMs: expect.any(Number),
    });
    const unloaded = until(both, 'tiny', 'unloaded');
    expect(await finish()).toBe(200);
    await unloaded;
  });

  it('is unloaded when it is told to, and that is no harm to a model that is not there', async () => {
    const both = start();
    await both.load('tiny');
    await both.unload('tiny');
    expect(states(both)).toEqual({ tiny: 'unloaded', fable: 'unloaded' });
    await both.unload('tiny');
    await expect(both.unload('other')).rejects.toMatchObject({ reason: 'MODEL_NOT_FOUND' });
  });

  it('can be asked for at the moment when it goes', async () => {
    const both = start();
    const before = await ask(both, 'tiny');
    for (let i = 0; i < 3; i++) {
      const going = both.unload('tiny');
      expect((await ask(both, 'tiny')).text).toBe(before.text);
      await going;
    }
  });
});

describe('memory for one of two models', () => {
  let memoryBytes: number;
  beforeEach(async () => {
    memoryBytes = Math.max(await bytesOf('tiny'), await bytesOf('fable')) + 1000;
  });

  it('goes to the one that is asked for, from the one that is idle', async () => {
    const both = start({ memoryBytes });
    expect(both.memoryLimitBytes).toBe(memoryBytes);
    for (const id of ['tiny', 'fable', 'tiny']) {
      await ask(both, id);
      const other = id === 'tiny' ? 'fable' : 'tiny';
      expect(states(both)).toEqual({ [id]: 'ready', [other]: 'unloaded' });
    }
  });

  it('is waited for while the other one is busy', async () => {
    const both = start({ memoryBytes });
    const finish = await begin(both, 'tiny');
    const waiting = ask(both, 'fable');
    expect(states(both)).toEqual({ tiny: 'ready', fable: 'loading' });
    expect(await finish()).toBe(200);
    await waiting;
    expect(states(both)).toEqual({ tiny: 'unloaded', fable: 'ready' });
  });

  it('is waited for no longer than the limit, and then the answer says when to come back', async () => {
    const both = start({ memoryBytes, memoryWaitLimitMs: 1 });
    const finish = await begin(both, 'tiny');
    await expect(ask(both, 'fable')).rejects.toMatchObject({
      reason: 'MODEL_LOAD_FAILED',
      message: expect.stringMatching(/no memory for model "fable" now: tiny are in use/),
      retryAfterMs: expect.any(Number),
    });
    expect(both.models()[1]).toMatchObject({ state: 'unloaded', error: undefined, memoryBytes: 0 });
    expect(await finish()).toBe(200);
    await ask(both, 'fable');
  });

  it('is not enough for a model that takes more: it is refused with what would help', async () => {
    const both = start({ memoryBytes: memoryBytes / 2 });
    await ask(both, 'tiny').catch(() => {});
    await expect(ask(both, 'fable')).rejects.toMatchObject({
      reason: 'MODEL_LOAD_FAILED',
      message: expect.stringMatching(
        /"fable" takes about \d+ MiB with its KV cache, .* Raise the memory limit/,
      ),
    });
    expect(states(both)).toMatchObject({ fable: 'failed' });
  });
});

describe('an engine of which no model could be loaded', () => {
  it('tries again by itself, and keeps the error until one is there', async () => {
    const copy = new CheckpointCopy();
    try {
      const config = JSON.stringify({ model_type: 'bert' });
      const good = readFileSync(copy.configPath);
      writeFileSync(copy.configPath, config);
      const one = start({ models: [{ id: 'mended', directory: copy.directory }], loadRetryDelayMs: 20 });
      await expect(ask(one, '')).rejects.toMatchObject({ reason: 'MODEL_LOAD_FAILED' });
      expect(await until(one, 'mended', 'loading')).toMatchObject({ error: expect.stringContaining('gpt2') });
      await until(one, 'mended', 'failed');
      writeFileSync(copy.configPath, good);
      expect(await until(one, 'mended', 'ready')).toMatchObject({ error: undefined });
      await ask(one, '');
    } finally {
      copy.remove();
    }
  });
});
