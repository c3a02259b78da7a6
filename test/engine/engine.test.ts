import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createEngine,
  DEFAULT_SAMPLING,
  type Engine,
  EngineError,
  type GenerateRequest,
  type SamplingParams,
} from '../../src/engine/index.js';
import { complete, createTestEngine, requestFor } from '../support/engine-under-test.js';
import { fixtureCheckpoint, readReference } from '../support/fixtures.js';

describe('the engine', () => {
  let engine: Engine;
  beforeAll(() => {
    engine = createTestEngine();
  });
  afterAll(() => engine.close());

  it('generates the greedy ids of transformers, 200 tokens long', async () => {
    const { greedyPromptIds, greedyIds } = readReference('real-vocab');
    const { tokenIds, finished } = await complete(
      engine,
      requestFor([...greedyPromptIds], { maxTokens: greedyIds.length }),
    );
    expect(tokenIds).toEqual([...greedyIds]);
    expect(finished).toMatchObject({ finishReason: 'length', stop: undefined });
    expect(finished.usage).toMatchObject({
      promptTokens: greedyPromptIds.length,
      completionTokens: greedyIds.length,
      cachedTokens: 0,
    });
  });

  it('says accepted first, finished last, and the deltas make up text and ids', async () => {
    const events = [];
    for await (const event of engine.generate(requestFor('Once upon a time'), new AbortController().signal))
      events.push(event);
    expect(events[0]).toMatchObject({ type: 'accepted', model: 'tiny', cachedTokens: 0 });
    expect(events.at(-1)).toMatchObject({ type: 'finished', usage: { completionTokens: 16 } });
    expect(events.slice(1, -1).every(({ type }) => type === 'delta')).toBe(true);
  });

  it('gives 16 streams at once exactly the tokens that each gets alone, sampled and greedy, long and short', async () => {
    const requests = Array.from({ length: 16 }, (_, i): GenerateRequest => {
      const prompt = Array.from(
        { length: 1 + ((i * 37) % 150) },
        (_, position) => (i * 7919 + position * 104_729) % 50_256,
      );
      const sampling = {
        ...DEFAULT_SAMPLING,
        temperature: i % 3 === 0 ? 0 : 0.9,
        topP: i % 2 ? 0.9 : 1,
        topK: i % 5 ? 0 : 40,
        seed: BigInt(i),
      };
      return requestFor(prompt, { sampling, maxTokens: 20 + 5 * i });
    });
    const alone = [];
    for (const request of requests) alone.push((await complete(engine, request)).tokenIds);
    const together = await Promise.all(requests.map((request) => complete(engine, request)));
    expect(together.map(({ tokenIds }) => tokenIds)).toEqual(alone);
  });

  it('does not depend on the seed when it is greedy, and does when it samples', async () => {
    const ids = async (temperature: number, seed: bigint) =>
      (await complete(engine, requestFor('Hello', { sampling: { ...DEFAULT_SAMPLING, temperature, seed } })))
        .tokenIds;
    expect(await ids(0, 1n)).toEqual(await ids(0, 2n));
    expect(await ids(1, 1n)).toEqual(await ids(1, 1n));
    expect(await ids(1, 1n)).not.toEqual(await ids(1, 2n));
  });

  it('ends at a stop string, and its text ends before it', async () => {
    const { text } = await complete(engine, requestFor('Hello', { maxTokens: 40 }));
    const stop = text.slice(20, 23);
    const stopped = await complete(
      engine,
      requestFor('Hello', { maxTokens: 40, stop: ['never this', stop] }),
    );
    expect(stopped.finished).toMatchObject({ finishReason: 'stop', stop });
    expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
  });

  it('ends at a stop token, which is told but is no part of the text', async () => {
    const free = await complete(engine, requestFor('Hello'));
    const stop = free.tokenIds[7]!;
    const end = free.tokenIds.indexOf(stop);
    const { tokenIds, text, finished } = await complete(engine, requestWith({ stopTokenIds: [1, stop] }));
    expect(tokenIds).toEqual(free.tokenIds.slice(0, end + 1));
    expect(finished).toMatchObject({ finishReason: 'stop', stop, usage: { completionTokens: end + 1 } });
    expect(free.text.startsWith(text)).toBe(true);
    expect(text).toBe((await complete(engine, requestFor('Hello', { maxTokens: end }))).text);
  });

  it('ends at the end-of-text token, unless it is ignored or comes too early', async () => {
    const forced = { logitBias: new Map([[50_256, 100]]) };
    const ending = await complete(engine, requestWith(forced));
    expect(ending.tokenIds).toEqual([50_256]);
    expect(ending.finished).toMatchObject({ finishReason: 'stop', stop: 50_256 });

    const ignoring = await complete(engine, requestWith({ ...forced, ignoreEos: true, minTokens: 3 }));
    expect(ignoring.tokenIds).toEqual(Array(16).fill(50_256));
    expect(ignoring.finished).toMatchObject({ finishReason: 'length', stop: undefined });

    const free = await complete(engine, requestFor('Hello'));
    const late = await complete(engine, requestWith({ ...forced, stopTokenIds: [9], minTokens: 5 }));
    expect(late.tokenIds).toEqual([...free.tokenIds.slice(0, 5), 50_256]);
  });

  it('looks for stop strings only after as many tokens as there must be', async () => {
    const { text } = await complete(engine, requestFor('Hello'));
    const stop = [...text][0]!;
    const late = await complete(engine, { ...requestWith({ minTokens: 16 }), stop: [stop] });
    expect(late.text).toBe(text);
    expect(late.finished.finishReason).toBe('length');
  });

  it('penalizes what came, greedy choices included, the same whatever else runs', async () => {
    const penalties: Partial<SamplingParams>[] = [
      { frequencyPenalty: 2, presencePenalty: 2 },
      { repetitionPenalty: 2 },
      { logitBias: new Map([[11, -100]]) },
      { temperature: 1, minP: 0.3, frequencyPenalty: -2 },
    ];
    const requests = penalties.map((changes) => requestWith(changes, { maxTokens: 60 }));
    const alone = [];
    for (const request of requests) alone.push((await complete(engine, request)).tokenIds);
    const together = await Promise.all(requests.map((request) => complete(engine, request)));
    expect(together.map(({ tokenIds }) => tokenIds)).toEqual(alone);
    const free = (await complete(engine, requestFor('Hello', { maxTokens: 60 }))).tokenIds;
    expect(new Set(alone[0]).size).toBeGreaterThan(new Set(free).size);
    for (const ids of alone.slice(0, 2)) expect(ids).not.toEqual(free);
  });

  it.each<[string, GenerateRequest, Partial<EngineError>]>([
    ['an empty prompt', requestFor(''), { reason: 'INVALID_FIELD', field: 'prompt' }],
    [
      'an id outside the vocabulary',
      requestFor([1, 50_257]),
      { reason: 'INVALID_FIELD', field: 'prompt_token_ids.ids[1]' },
    ],
    [
      'a bias of a token outside the vocabulary',
      requestWith({ logitBias: new Map([[50_257, 1]]) }),
      {
        reason: 'INVALID_FIELD',
        field: 'logit_bias[50257]',
        message: '`logit_bias[50257]` must be in [0, 50257); got 50257.',
      },
    ],
    [
      'a stop token outside the vocabulary',
      requestWith({ stopTokenIds: [0, 60_000] }),
      { reason: 'INVALID_FIELD', field: 'stop_token_ids[1]' },
    ],
    [
      'a prompt that fills the context',
      requestFor(Array(256).fill(1)),
      { reason: 'CONTEXT_LENGTH_EXCEEDED', field: 'prompt_token_ids' },
    ],
    [
      'a text far too long',
      requestFor('word '.repeat(100_000)),
      { reason: 'CONTEXT_LENGTH_EXCEEDED', field: 'prompt' },
    ],
    [
      'more tokens than there is room',
      requestFor('Hi', { maxTokens: 256 }),
      { reason: 'CONTEXT_LENGTH_EXCEEDED', field: 'max_tokens' },
    ],
    ['an unknown model', requestFor('Hi', { model: 'gpt-5' }), { reason: 'MODEL_NOT_FOUND', field: 'model' }],
  ])('refuses %s, and goes on', async (_, request, error) => {
    await expect(complete(engine, request)).rejects.toMatchObject(error);
    await expect(complete(engine, requestFor('Hi'))).resolves.toBeDefined();
  });

  it('fills the context to its last position', async () => {
    const { finished } = await complete(engine, requestFor(Array(200).fill(5), { maxTokens: 56 }));
    expect(finished.usage.completionTokens).toBe(56);
  });
});

function requestWith(
  changes: Partial<SamplingParams>,
  overrides: Partial<GenerateRequest> = {},
): GenerateRequest {
  const request = requestFor('Hello', overrides);
  return { ...request, sampling: { ...request.sampling, ...changes } };
}

describe('an aborted request', () => {
  let engine: Engine;
  beforeEach(async () => {
    engine = createTestEngine({ maxRunning: 2 });
    await engine.load();
  });
  afterEach(() => engine.close());

  const long = requestFor(Array(100).fill(3), {
    maxTokens: 150,
    sampling: { ...DEFAULT_SAMPLING, seed: 5n },
  });

  /** Lets a step pass: each one reports the load. */
  async function letAStepPass(): Promise<void> {
    await complete(engine, requestFor('Hi', { maxTokens: 2 }));
  }

  it.each(['queued', 'accepted', 'decoding'] as const)('frees its place when it is %s', async (phase) => {
    const others = [new AbortController(), new AbortController()];
    const blockers =
      phase === 'queued' ? others.map(({ signal }) => complete(engine, long, signal).catch(() => {})) : [];
    const abort = new AbortController();
    const reason = new EngineError('DEADLINE_EXCEEDED', 'too late');
    const run = async () => {
      for await (const event of engine.generate(long, abort.signal)) {
        if (phase === 'accepted' || event.type === 'delta') abort.abort(reason);
      }
    };
    const running = run();
    if (phase === 'queued') abort.abort(reason);
    await expect(running).rejects.toBe(reason);
    for (const other of others) other.abort();
    await Promise.all(blockers);
    await letAStepPass();
    expect(engine.models()[0]!.load).toMatchObject({
      runningRequests: 0,
      waitingRequests: 0,
      kvCacheUsedBytes: 0,
    });
  });

  it('frees its place when its reader leaves the loop', async () => {
    for await (const event of engine.generate(long, new AbortController().signal))
      if (event.type === 'delta') break;
    await letAStepPass();
    expect(engine.models()[0]!.load.runningRequests).toBe(0);
  });

  it('leaves no listener on the signal and does not touch the others', async () => {
    const expected = (await complete(engine, long)).tokenIds;
    const survivor = complete(engine, long);
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    for (let i = 0; i < 50; i++)
      for await (const event of engine.generate(long, signal)) if (event.type === 'delta') break;
    expect(listeners).toBe(0);
    expect((await survivor).tokenIds).toEqual(expected);
  });
});

describe('the life of a model', () => {
  const engines: Engine[] = [];
  const made = (engine: Engine) => {
    engines.push(engine);
    return engine;
  };
  afterEach(() => Promise.all(engines.splice(0).map((engine) => engine.close())));

  it('loads at the first request, once, and tells its states', async () => {
    const engine = made(createTestEngine());
    const states: string[] = [];
    engine.onStateChange(({ state }) => states.push(state));
    expect(engine.models()[0]).toMatchObject({ id: 'tiny', state: 'unloaded', shape: undefined });
    await Promise.all(['a', 'b', 'c'].map((prompt) => complete(engine, requestFor(prompt))));
    expect(states).toEqual(['loading', 'ready']);
    expect(engine.models()[0]!.shape).toMatchObject({
      contextLength: 256,
      vocabSize: 50_257,
      precision: 'f32',
    });
  });

  it('refuses when the queue is full, and says when to come back', async () => {
    const engine = made(createTestEngine({ maxRunning: 1, maxWaiting: 2 }));
    await engine.load();
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, () => complete(engine, requestFor('Hi'))),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThanOrEqual(3);
    expect(refused[0]!.reason).toMatchObject({ reason: 'QUEUE_FULL', retryAfterMs: expect.any(Number) });
  });

  it('says when to come back while it loads, by the time that it took before', async () => {
    const engine = made(createTestEngine({ maxRunning: 1, maxWaiting: 1 }));
    const refusalWhileLoading = async () => {
      const all = Array.from({ length: 3 }, () => complete(engine, requestFor('Hi')));
      const refused = (await Promise.allSettled(all)).find(({ status }) => status === 'rejected');
      return (refused as PromiseRejectedResult).reason;
    };
    const startedAtMs = performance.now();
    const { reason, message, metadata, retryAfterMs } = await refusalWhileLoading();
    const tookMs = performance.now() - startedAtMs;
    expect(reason).toBe('QUEUE_FULL');
    expect(message).toBe(`2 requests wait for model "tiny" to load. Try again in ${retryAfterMs} ms.`);
    expect(metadata).toMatchObject({ retryAfterMs: String(retryAfterMs) });
    expect(retryAfterMs).toBeGreaterThan(1500);
    const unload = () => engine.unload('tiny').catch((busy) => busy);
    await expect.poll(unload).toBeUndefined();
    expect((await refusalWhileLoading()).retryAfterMs).toBeLessThanOrEqual(Math.max(500, tookMs));
  });

  it('fails what runs when it closes, and refuses what comes', async () => {
    const engine = createTestEngine();
    const running = complete(engine, requestFor('Hi', { maxTokens: 200 }));
    running.catch(() => {});
    await engine.load();
    await engine.close();
    await expect(running).rejects.toMatchObject({ reason: 'ENGINE_UNAVAILABLE' });
    await expect(complete(engine, requestFor('Hi'))).rejects.toMatchObject({ reason: 'ENGINE_UNAVAILABLE' });
  });

  describe('with a bad checkpoint', () => {
    let directory: string;
    beforeEach(() => {
      directory = join(mkdtempSync(join(tmpdir(), 'linnet-')), 'broken');
      cpSync(fixtureCheckpoint('real-vocab'), directory, { recursive: true });
    });
    afterEach(() => rmSync(join(directory, '..'), { recursive: true }));

    const editConfig = (change: object) => () => {
      const path = join(directory, 'config.json');
      writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
    };
    const editHeader = (edit: (json: string) => string) => () => {
      const path = join(directory, 'model.safetensors');
      const bytes = readFileSync(path);
      const length = Number(bytes.readBigUInt64LE());
      const json = edit(bytes.toString('utf8', 8, 8 + length));
      const prefix = Buffer.alloc(8);
      prefix.writeBigUInt64LE(BigInt(Buffer.byteLength(json)));
      writeFileSync(path, Buffer.concat([prefix, Buffer.from(json), bytes.subarray(8 + length)]));
    };

    it.each<[string, () => void, RegExp]>([
      ['no config', () => rmSync(join(directory, 'config.json')), /config\.json can't be read: ENOENT/],
      [
        'a config that is no JSON',
        () => writeFileSync(join(directory, 'config.json'), '{'),
        /config\.json: not valid JSON/,
      ],
      ['another architecture', editConfig({ model_type: 'llama' }), /`model_type`: must be "gpt2"/],
      [
        'another vocabulary',
        editConfig({ vocab_size: 32_000 }),
        /wte\.weight" has shape \[50257,16\].*\[32000,16\]/,
      ],
      ['another width', editConfig({ n_embd: 32 }), /wte\.weight" has shape/],
      [
        'an unknown activation',
        editConfig({ activation_function: 'silu' }),
        /`activation_function`: must be one of gelu_new/,
      ],
      [
        'no weights',
        () => rmSync(join(directory, 'model.safetensors')),
        /holds neither model\.safetensors nor/,
      ],
      [
        'truncated weights',
        () => truncateSync(join(directory, 'model.safetensors'), 1_000_000),
        /truncated: tensor ".*" ends \d+ bytes after/,
      ],
      [
        'a cut header',
        () => truncateSync(join(directory, 'model.safetensors'), 100),
        /cut off within its header/,
      ],
      [
        'a foreign file',
        () => writeFileSync(join(directory, 'model.safetensors'), 'PK\x03\x04 this is a zip archive'),
        /not a safetensors file/,
      ],
      [
        'a missing tensor',
        editHeader((json) => json.replace('h.1.mlp.c_fc.bias', 'h.1.mlp.c_fc.bios')),
        /tensor "h\.1\.mlp\.c_fc\.bias" \[64\] is missing/,
      ],
      [
        'a foreign type',
        editHeader((json) => json.replace(/("transformer.h.0.ln_1.bias":\s*\{[^}]*)F16/, '$1I16')),
        /ln_1\.bias" has type I16/,
      ],
      ['NaN in a weight', () => poison(directory), /^tensor "ln_f\.bias" has NaN among its numbers/],
    ])('refuses %s in one line', async (_, damage, message) => {
      damage();
      const engine = made(createEngine({ models: [{ id: 'broken', directory }], numThreads: 1 }));
      const error = await engine.load().catch((caught) => caught);
      expect(error).toMatchObject({ reason: 'MODEL_LOAD_FAILED', message: expect.stringMatching(message) });
      expect(error.message).not.toContain('\n');
      expect(engine.models()[0]).toMatchObject({ state: 'failed', error: error.message });
    });

    it('refuses weights that it does not quantize once they compute NaN', async () => {
      poison(directory);
      const models = [{ id: 'broken', directory }];
      const engine = made(createEngine({ models, numThreads: 1, precision: 'f32' }));
      await expect(engine.load()).rejects.toMatchObject({
        reason: 'MODEL_LOAD_FAILED',
        message: expect.stringMatching(/^The model's first step failed: The model produced NaN/),
      });
    });

    it('tries again at the next request', async () => {
      const path = join(directory, 'config.json');
      const config = readFileSync(path);
      rmSync(path);
      const engine = made(createEngine({ models: [{ id: 'mended', directory }], numThreads: 1 }));
      await expect(complete(engine, requestFor('Hi'))).rejects.toMatchObject({ reason: 'MODEL_LOAD_FAILED' });
      writeFileSync(path, config);
      await expect(complete(engine, requestFor('Hi'))).resolves.toBeDefined();
    });
  });
});

/** Overwrites the final norm's bias with NaN. */
function poison(directory: string): void {
  const path = join(directory, 'model.safetensors');
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength));
  const [begin, end] = header['transformer.ln_f.bias'].data_offsets;
  bytes.fill(0xff, 8 + headerLength + begin, 8 + headerLength + end);
  writeFileSync(path, bytes);
}
