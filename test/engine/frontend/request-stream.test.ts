import { describe, expect, it, vi } from 'vitest';
import type { DeltaEvent, FinishedEvent, GenerateEvent } from '../../../src/engine/completion.js';
import type { SequenceOutput } from '../../../src/engine/core/step-output.js';
import { EngineError } from '../../../src/engine/engine-error.js';
import type { ChoiceOptions } from '../../../src/engine/frontend/choice-stream.js';
import { RequestPrompt } from '../../../src/engine/frontend/request-prompt.js';
import { RequestStream } from '../../../src/engine/frontend/request-stream.js';
import { END_OF_TEXT_ID } from '../../../src/engine/text/token-bytes.js';
import { createTokenizer } from '../../../src/engine/text/tokenizer.js';

const tokenizer = await createTokenizer();
const FAILURE = new EngineError('ENGINE_UNAVAILABLE', 'The engine is down.');

interface SetUp extends Partial<ChoiceOptions> {
  readonly prompts?: readonly (string | readonly number[])[];
  readonly n?: number;
  readonly bestOf?: number;
}

/** A stream of one choice after a prompt of seven tokens, unless said otherwise. */
function setUp({ prompts = [Array(7).fill(220)], n = 1, bestOf = n, ...choice }: SetUp = {}) {
  const onStop = vi.fn();
  const { tokenBytes } = tokenizer;
  const stream = new RequestStream({
    model: 'gpt2',
    systemFingerprint: 'fp_test',
    prompts: prompts.map((input) =>
      typeof input === 'string'
        ? new RequestPrompt(Int32Array.from(idsOf(input)), input, tokenBytes)
        : new RequestPrompt(Int32Array.from(input), undefined, tokenBytes),
    ),
    n,
    bestOf,
    choice: {
      stop: [],
      stopTokenIds: [],
      includeStop: false,
      minTokens: 0,
      echo: false,
      numTopLogprobs: undefined,
      tokenBytes,
      ...choice,
    },
    onStop,
  });
  return { stream, onStop };
}

function accept(stream: RequestStream, index = 0): void {
  stream.start({ groupId: 1, index, cachedTokens: 4, queueMs: 2.5, firstStepAtMs: 1000 });
}

/** What a step gave of a choice, the first one unless said otherwise. */
function give(stream: RequestStream, output: Partial<SequenceOutput>, atMs = 0): void {
  const nothing = { logprobs: undefined, promptLogprobs: undefined, finishReason: undefined };
  stream.take({ groupId: 1, index: 0, tokenIds: [], ...nothing, ...output }, atMs);
}

describe('request stream', () => {
  it('gives accepted, a delta for each step that is waited for, and finished', async () => {
    const { stream, onStop } = setUp();
    const events = stream.events();
    accept(stream);
    expect(await next(events)).toMatchObject({
      type: 'accepted',
      model: 'gpt2',
      prompts: [Int32Array.from(Array(7).fill(220))],
      cachedTokens: 4,
    });
    for (const [i, id] of idsOf('Hello, world').entries()) {
      const waiting = next(events);
      give(stream, { tokenIds: [id] }, 1040 + 5 * i);
      expect(await waiting).toEqual({
        type: 'delta',
        index: 0,
        logprobs: [],
        echoedTokens: 0,
        text: ['Hello', ',', ' world'][i],
        tokenIds: [id],
        tokenBytes: tokenizer.tokenBytes.bytesOf(id).slice(),
      });
    }
    give(stream, { finishReason: 'length' });
    expect(await next(events)).toEqual({
      type: 'finished',
      index: 0,
      finishReason: 'length',
      stop: undefined,
      usage: { promptTokens: 7, completionTokens: 3, cachedTokens: 4, acceptedPredictionTokens: 0 },
      timings: { queueMs: 2.5, prefillMs: 40, decodeMs: 10 },
    });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(onStop).not.toHaveBeenCalled();
  });

  it('wakes a reader that came first', async () => {
    const { stream } = setUp();
    const waiting = next(stream.events());
    accept(stream);
    expect((await waiting)?.type).toBe('accepted');
  });

  it('gives a slow reader one delta with everything since', async () => {
    const { stream } = setUp();
    accept(stream);
    const ids = idsOf('One two three four five');
    for (const id of ids) give(stream, { tokenIds: [id] }, 0);
    give(stream, { finishReason: 'length' });
    const [accepted, delta, finished, ...rest] = await readAll(stream);
    expect(accepted?.type).toBe('accepted');
    expect(delta).toMatchObject({ type: 'delta', text: 'One two three four five', tokenIds: ids });
    expect((delta as DeltaEvent).tokenBytes).toEqual(tokenizer.tokenBytes.concatenate(ids));
    expect(finished?.type).toBe('finished');
    expect(rest).toEqual([]);
  });

  it('gives the tokens of a character before the character', async () => {
    const { stream } = setUp();
    const ids = idsOf('😀');
    expect(ids.length).toBeGreaterThan(1);
    const events = stream.events();
    accept(stream);
    await next(events);
    const deltas: DeltaEvent[] = [];
    for (const id of ids) {
      give(stream, { tokenIds: [id] }, 0);
      deltas.push((await next(events)) as DeltaEvent);
    }
    expect(deltas.map((delta) => delta.text)).toEqual([...ids.slice(1).map(() => ''), '😀']);
    expect(deltas.flatMap((delta) => delta.tokenIds)).toEqual(ids);
  });

  it('counts the end-of-text token, which has no text', async () => {
    const { stream, onStop } = setUp();
    accept(stream);
    give(stream, { tokenIds: idsOf('Bye') }, 0);
    give(stream, { tokenIds: [END_OF_TEXT_ID], finishReason: 'stop' }, 0);
    const events = await readAll(stream);
    expect(textOf(events)).toBe('Bye');
    expect((events[1] as DeltaEvent).tokenIds.at(-1)).toBe(END_OF_TEXT_ID);
    expect(events.at(-1)).toMatchObject({ finishReason: 'stop', stop: END_OF_TEXT_ID });
    expect((events.at(-1) as FinishedEvent).usage.completionTokens).toBe(idsOf('Bye').length + 1);
    expect(onStop).not.toHaveBeenCalled();
  });

  it('ends at a stop string within a step, says so once, and drops the tokens after it', async () => {
    const { stream, onStop } = setUp({ stop: [' three', 'never'] });
    accept(stream);
    const [one, two, three, four, five] = idsOf('One two three four five') as [
      number,
      number,
      number,
      number,
      number,
    ];
    give(stream, { tokenIds: [one] }, 1010);
    expect(onStop).not.toHaveBeenCalled();
    give(stream, { tokenIds: [two, three, four] }, 1020); // nobody has read anything
    expect(onStop).toHaveBeenCalledOnce();
    give(stream, { tokenIds: [five] }, 1030);
    give(stream, { finishReason: 'length' });
    const events = await readAll(stream);
    expect(textOf(events)).toBe('One two');
    expect((events[1] as DeltaEvent).tokenIds).toEqual([one, two, three]);
    expect(events.slice(2)).toEqual([
      {
        type: 'finished',
        index: 0,
        finishReason: 'stop',
        stop: ' three',
        usage: { promptTokens: 7, completionTokens: 3, cachedTokens: 4, acceptedPredictionTokens: 1 },
        timings: { queueMs: 2.5, prefillMs: 10, decodeMs: 10 },
      },
    ]);
    expect(onStop).toHaveBeenCalledOnce();
  });

  it('finds a stop string across tokens, and gives out nothing of it', async () => {
    const { stream } = setUp({ stop: ['lo, wor'] });
    accept(stream);
    for (const id of idsOf('Hello, world')) give(stream, { tokenIds: [id] }, 0);
    expect(textOf(await readAll(stream))).toBe('Hel');
  });

  it('gives out at the end what was held back', async () => {
    const { stream } = setUp({ stop: ['world!'] });
    accept(stream);
    for (const id of idsOf('Hello world')) give(stream, { tokenIds: [id] }, 0);
    give(stream, { finishReason: 'length' });
    const events = await readAll(stream);
    expect(textOf(events)).toBe('Hello world');
    expect(events.at(-1)).toMatchObject({ finishReason: 'length', stop: undefined });
  });

  it('makes U+FFFD of a character that the end cut off, which may complete a stop string', async () => {
    for (const [stop, expected] of [
      [[], 'x\ufffd'],
      [['\ufffd'], 'x'],
    ] as const) {
      const { stream } = setUp({ stop });
      accept(stream);
      give(stream, { tokenIds: [...idsOf('x'), idsOf('😀')[0] as number] }, 0);
      give(stream, { finishReason: 'length' });
      const events = await readAll(stream);
      expect(textOf(events)).toBe(expected);
      expect(events.at(-1)).toMatchObject({
        finishReason: stop.length === 0 ? 'length' : 'stop',
        stop: stop[0],
      });
    }
  });

  it('tells the token that ended the completion, but gives no text of it', async () => {
    const { stream } = setUp({ stop: ['!'] });
    accept(stream);
    const [stopTokenId, ...others] = idsOf('!');
    expect(others).toEqual([]);
    give(stream, { tokenIds: idsOf('Hello') }, 10);
    give(stream, { tokenIds: [stopTokenId!], finishReason: 'stop' }, 15);
    const events = await readAll(stream);
    expect(textOf(events)).toBe('Hello');
    expect(events[1]).toMatchObject({
      tokenIds: [...idsOf('Hello'), stopTokenId],
      tokenBytes: new TextEncoder().encode('Hello!'),
    });
    expect(events.at(-1)).toMatchObject({
      finishReason: 'stop',
      stop: stopTokenId,
      usage: { completionTokens: 2 },
      timings: { decodeMs: 5 },
    });
  });

  it('looks for stop strings only in the text after the least number of tokens', async () => {
    const { stream, onStop } = setUp({ stop: [' a', 'ad'], minTokens: 3 });
    accept(stream);
    for (const id of idsOf('a a add a b')) give(stream, { tokenIds: [id] }, 0);
    const events = await readAll(stream);
    expect(textOf(events)).toBe('a a add');
    expect(events.at(-1)).toMatchObject({ finishReason: 'stop', stop: ' a' });
    expect(onStop).toHaveBeenCalledOnce();
  });

  it('gives what there is before it throws the error', async () => {
    const { stream } = setUp();
    accept(stream);
    give(stream, { tokenIds: idsOf('Half') }, 0);
    stream.fail(FAILURE);
    give(stream, { tokenIds: idsOf(' lost') }, 0);
    give(stream, { finishReason: 'length' });
    stream.fail(new EngineError('INTERNAL', 'Too late.'));
    const events = stream.events();
    expect((await next(events))?.type).toBe('accepted');
    expect(await next(events)).toMatchObject({ text: 'Half' });
    await expect(next(events)).rejects.toBe(FAILURE);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('throws at once where it is refused', async () => {
    const { stream } = setUp();
    const waiting = next(stream.events());
    stream.fail(FAILURE);
    await expect(waiting).rejects.toBe(FAILURE);
  });

  it('takes nothing after the end', async () => {
    const { stream } = setUp();
    accept(stream);
    give(stream, { tokenIds: idsOf('a') }, 0);
    give(stream, { finishReason: 'length' });
    give(stream, { tokenIds: idsOf('b') }, 0);
    stream.fail(FAILURE);
    give(stream, { tokenIds: [END_OF_TEXT_ID], finishReason: 'stop' }, 0);
    const events = await readAll(stream);
    expect(events.map((event) => event.type)).toEqual(['accepted', 'delta', 'finished']);
    expect(events.at(-1)).toMatchObject({ finishReason: 'length' });
  });
});

describe('request stream of several choices', () => {
  it('gives one accepted, and each choice its own text and end, in the order in which they come', async () => {
    const { stream } = setUp({ prompts: ['One', 'Two two'], n: 2 });
    for (const index of [0, 1]) accept(stream, index);
    give(stream, { index: 1, tokenIds: idsOf('b') });
    give(stream, { index: 0, tokenIds: idsOf('a') });
    for (const index of [2, 3]) accept(stream, index);
    give(stream, { index: 3, tokenIds: idsOf('d'), finishReason: 'length' });
    give(stream, { index: 1, tokenIds: idsOf('bb'), finishReason: 'length' });
    for (const index of [0, 2]) give(stream, { index, finishReason: 'length' });
    const events = await readAll(stream);
    expect(
      events.map((event) => (event.type === 'delta' ? `${event.index}${event.text}` : event.type)),
    ).toEqual(['accepted', '1bbb', 'finished', '0a', 'finished', '3d', 'finished', 'finished']);
    expect(events[0]).toMatchObject({
      prompts: ['One', 'Two two'].map((text) => Int32Array.from(idsOf(text))),
    });
    const finished = events.filter((event) => event.type === 'finished');
    expect(finished.map(({ index }) => index)).toEqual([1, 0, 3, 2]);
    // Each prompt counts once.
    expect(finished.at(-1)?.usage).toMatchObject({ promptTokens: 3, cachedTokens: 8, completionTokens: 4 });
  });

  it('ends a choice at its stop string, and only that', async () => {
    const { stream, onStop } = setUp({ n: 3, stop: ['!'] });
    for (const index of [0, 1, 2]) {
      accept(stream, index);
      give(stream, { index, tokenIds: idsOf(index === 1 ? 'no!' : 'yes') });
    }
    expect(onStop.mock.calls).toEqual([[1]]);
    give(stream, { index: 1, tokenIds: idsOf('more') });
    for (const index of [0, 2]) give(stream, { index, tokenIds: idsOf('.'), finishReason: 'length' });
    const events = await readAll(stream);
    expect(textOf(events.filter((event) => 'index' in event && event.index === 1))).toBe('no');
    expect(textOf(events)).toBe('yes.noyes.');
  });

  it('gives what there is of all before it throws the error', async () => {
    const { stream } = setUp({ n: 3 });
    for (const index of [0, 1, 2]) accept(stream, index);
    give(stream, { index: 2, tokenIds: idsOf('two'), finishReason: 'length' });
    give(stream, { index: 0, tokenIds: idsOf('zero') });
    stream.fail(FAILURE);
    const seen: string[] = [];
    const read = async () => {
      for await (const event of stream.events()) seen.push(event.type);
    };
    await expect(read()).rejects.toBe(FAILURE);
    expect(seen).toEqual(['accepted', 'delta', 'finished', 'delta']);
  });

  it('gives the best candidates, the best first, when the last of their prompt has ended', async () => {
    const { stream } = setUp({ prompts: ['A', 'B'], n: 2, bestOf: 3 });
    const logprobs = [-4, -1, -2, -3, -3, -9];
    const end = (index: number) => {
      // The best by the mean, not by the sum: index 1 has the most tokens.
      const tokenIds = idsOf(' x'.repeat(index === 1 ? 5 : 1)).map(() => 65 + index);
      const rows = tokenIds.map(() => ({ logprob: logprobs[index]!, rank: 1, top: [] }));
      give(stream, { index, tokenIds, logprobs: rows, finishReason: 'length' });
    };
    for (const index of logprobs.keys()) accept(stream, index);
    const events = stream.events();
    expect(await next(events)).toMatchObject({ type: 'accepted' });
    let early: unknown;
    const waiting = next(events).then((event) => {
      early = event;
      return event;
    });
    for (const index of [4, 0, 2, 3]) end(index);
    await new Promise((resolve) => setImmediate(resolve));
    expect(early).toBeUndefined();
    end(1);
    const rest = [await waiting];
    end(5);
    for (let event = await next(events); event !== undefined; event = await next(events)) rest.push(event);
    const tokens = rest.flatMap((event) =>
      event?.type === 'delta' ? [[event.index, event.tokenIds[0]]] : [],
    );
    expect(tokens).toEqual([
      [0, 66],
      [1, 67],
      [2, 68], // equally good ones in their order
      [3, 69],
    ]);
    expect(rest.at(-1)).toMatchObject({ index: 3, usage: { completionTokens: 10, promptTokens: 2 } });
    expect(rest.every((event) => event?.type !== 'delta' || event.logprobs.length === 0)).toBe(true);
  });
});

describe('request stream with echo', () => {
  it.each([
    ['as it was written', 'Once\ufeff <|endoftext|>né', 'Once\ufeff <|endoftext|>né'],
    [
      'as its tokens say',
      [...idsOf('né'), END_OF_TEXT_ID, idsOf('😀')[0] as number],
      'né<|endoftext|>\ufffd',
    ],
  ])('begins with the prompt, %s, and its tokens', async (_, prompt, text) => {
    const { stream } = setUp({ prompts: [prompt], echo: true, stop: ['é', 'O'] });
    accept(stream);
    give(stream, { tokenIds: idsOf(' upon') });
    give(stream, { tokenIds: idsOf(' a'), finishReason: 'length' });
    const events = await readAll(stream);
    expect(textOf(events)).toBe(`${text} upon a`);
    const promptIds = typeof prompt === 'string' ? idsOf(prompt) : prompt;
    expect(events[1]).toMatchObject({
      tokenIds: [...promptIds, ...idsOf(' upon a')],
      echoedTokens: promptIds.length,
    });
    expect(events.at(-1)).toMatchObject({ finishReason: 'length', usage: { completionTokens: 2 } });
  });

  it('gives nothing but the prompt where nothing is generated', async () => {
    const { stream } = setUp({ prompts: ['Once upon'], n: 2, echo: true });
    for (const index of [0, 1]) {
      accept(stream, index);
      give(stream, { index, finishReason: 'length' }, 1030);
    }
    const events = await readAll(stream);
    expect(textOf(events)).toBe('Once uponOnce upon');
    expect(events.at(-1)).toMatchObject({
      finishReason: 'length',
      usage: { completionTokens: 0 },
      timings: { prefillMs: 30, decodeMs: 0 },
    });
  });
});

describe('request stream with logprobs', () => {
  const row = (logprob: number) => ({ logprob, rank: 3, top: [{ tokenId: 0, logprob: -0.5 }] });

  it('tells of each token with the delta that has it, also while text is held back', async () => {
    const { stream } = setUp({ prompts: ['né'], numTopLogprobs: 1, stop: ['there!'] });
    const ids = [...idsOf(' 😀'), ...idsOf(' there')];
    accept(stream);
    const events = stream.events();
    await next(events);
    const told: unknown[] = [];
    for (const [i, id] of ids.entries()) {
      give(stream, { tokenIds: [id], logprobs: [row(-i)] });
      const delta = (await next(events)) as DeltaEvent;
      expect(delta.tokenIds).toEqual([id]);
      told.push(...delta.logprobs);
    }
    expect(told).toHaveLength(ids.length);
    expect(told[1]).toEqual({
      logprob: -1,
      rank: 3,
      tokenBytes: tokenizer.tokenBytes.bytesOf(ids[1]!),
      textOffset: 3,
      top: [{ tokenId: 0, logprob: -0.5, tokenBytes: new TextEncoder().encode('!') }],
    });
    // The space and the emoji's pieces: all begin within " 😀", which begins after the prompt's two characters.
    expect(told.map((one) => (one as { textOffset: number }).textOffset)).toEqual([
      2,
      ...ids.slice(2).map(() => 3),
      4,
    ]);
  });

  it('tells of the echoed prompt, of the first token of nothing, once all is known of it', async () => {
    const { stream } = setUp({ prompts: ['a b c'], n: 2, numTopLogprobs: 0, echo: true });
    for (const index of [0, 1]) accept(stream, index);
    give(stream, { promptLogprobs: [row(-1)] });
    give(stream, { promptLogprobs: [row(-2)], tokenIds: idsOf(' d'), logprobs: [row(-3)] });
    give(stream, { index: 1, tokenIds: idsOf(' e'), logprobs: [row(-4)] });
    for (const index of [0, 1]) give(stream, { index, finishReason: 'length' });
    const deltas = (await readAll(stream)).filter((event) => event.type === 'delta');
    expect(deltas).toHaveLength(2);
    for (const [i, { logprobs, tokenIds, echoedTokens }] of deltas.entries()) {
      expect(tokenIds).toHaveLength(4);
      expect(echoedTokens).toBe(3);
      expect(logprobs.map(({ logprob }) => logprob)).toEqual([undefined, -1, -2, -3 - i]);
      expect(logprobs.map(({ rank }) => rank)).toEqual([undefined, 3, 3, 3]);
      expect(logprobs.map(({ textOffset }) => textOffset)).toEqual([0, 1, 3, 5]);
      expect(logprobs.every(({ top }) => top.length === 0)).toBe(true);
    }
  });

  it('drops those of tokens after a stop string', async () => {
    const { stream } = setUp({ stop: [' b'], numTopLogprobs: 0 });
    accept(stream);
    const ids = idsOf('a b c');
    give(stream, { tokenIds: ids, logprobs: ids.map(() => row(-1)), finishReason: 'length' });
    const [, delta] = await readAll(stream);
    expect(delta).toMatchObject({ tokenIds: ids.slice(0, 2), logprobs: [{ logprob: -1 }, { logprob: -1 }] });
  });
});

describe('request stream that leaves the stop in the text', () => {
  it('leaves the stop string', async () => {
    const { stream, onStop } = setUp({ stop: ['wor', 'o, wor'], includeStop: true });
    accept(stream);
    for (const id of idsOf('Hello, world')) give(stream, { tokenIds: [id] });
    expect(textOf(await readAll(stream))).toBe('Hello, wor');
    expect(onStop).toHaveBeenCalledOnce();
  });

  it.each([
    ['the text of a stop token, after what was held back', [0], 0, 'Hel!'],
    ['no text of the end-of-text token', [], END_OF_TEXT_ID, 'Hel'],
    ['no text of it where it is a stop token, either', [END_OF_TEXT_ID], END_OF_TEXT_ID, 'Hel'],
  ])('leaves %s', async (_, stopTokenIds, stopTokenId, text) => {
    const { stream } = setUp({ stop: ['ell', 'lo'], stopTokenIds, includeStop: true });
    accept(stream);
    give(stream, { tokenIds: idsOf('Hel') });
    give(stream, { tokenIds: [stopTokenId], finishReason: 'stop' });
    const events = await readAll(stream);
    expect(textOf(events)).toBe(text);
    expect(events.at(-1)).toMatchObject({ finishReason: 'stop', stop: stopTokenId });
  });
});

function idsOf(text: string): number[] {
  const encoding = tokenizer.encode(text, 100);
  if (encoding.tooLong) throw new Error('too long');
  return encoding.ids;
}

async function next(events: AsyncIterator<GenerateEvent>): Promise<GenerateEvent | undefined> {
  const result = await events.next();
  return result.done ? undefined : result.value;
}

async function readAll(stream: RequestStream): Promise<GenerateEvent[]> {
  const events: GenerateEvent[] = [];
  for await (const event of stream.events()) events.push(event);
  return events;
}

function textOf(events: readonly GenerateEvent[]): string {
  return events.map((event) => (event.type === 'delta' ? event.text : '')).join('');
}
