import { credentials, type ServiceError } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CompletionClient,
  type Delta,
  type Finished,
  FinishReason,
  type GenerateRequest,
  type GenerateResponse,
  type ScoreResponse,
} from '../../src/contract/gen/linnet/v1/completion.js';
import { type TokenizeResponse, TokenizerClient } from '../../src/contract/gen/linnet/v1/tokenizer.js';
import { decodeRichStatus } from '../../src/contract/rich-status.js';
import type { Engine } from '../../src/engine/index.js';
import { createGrpcServer, type GrpcServer } from '../../src/grpc/server.js';
import { createTestEngine } from '../support/engine-under-test.js';
import { readAll, unary, wirePrompt, wireRequest } from '../support/grpc-harness.js';

let engine: Engine;
let server: GrpcServer;
let client: CompletionClient;
let tokenizer: TokenizerClient;
beforeAll(async () => {
  engine = createTestEngine();
  server = createGrpcServer(engine, { logger: pino({ level: 'silent' }), port: 0 });
  const { target } = await server.listen();
  client = new CompletionClient(target, credentials.createInsecure());
  tokenizer = new TokenizerClient(target, credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  tokenizer.close();
  await server.close();
  await engine.close();
});

const ONCE: GenerateRequest['input'] = { $case: 'prompt', value: 'Once upon a time' };

interface Choice extends Pick<Delta, 'text' | 'tokenIds' | 'logprobs' | 'echoedTokens'> {
  readonly finished: Finished | undefined;
}

/** Makes a request, drawn with a fixed seed, and puts each choice together. */
async function generate(fields: Partial<GenerateRequest>) {
  const request = wireRequest({ input: ONCE, seed: 4n, ...fields });
  const { messages, error } = await readAll<GenerateResponse>(client.generate(request));
  const [first, ...rest] = messages.map(({ event }) => event);
  const choices: Choice[] = [];
  for (const event of rest) {
    if (event?.$case !== 'delta' && event?.$case !== 'finished')
      throw new Error('There is a second `accepted`.');
    const before = choices[event.value.index] ?? {
      text: '',
      tokenIds: [],
      logprobs: [],
      echoedTokens: 0,
      finished: undefined,
    };
    choices[event.value.index] =
      event.$case === 'finished'
        ? { ...before, finished: event.value }
        : {
            ...before,
            text: before.text + event.value.text,
            tokenIds: [...before.tokenIds, ...event.value.tokenIds],
            logprobs: [...before.logprobs, ...event.value.logprobs],
            echoedTokens: before.echoedTokens + event.value.echoedTokens,
          };
  }
  return { accepted: first?.$case === 'accepted' ? first.value : undefined, choices, error };
}

async function failure(fields: Partial<GenerateRequest>) {
  const { error } = await generate(fields);
  return decodeRichStatus(error as ServiceError);
}

describe('Generate, with an engine below it', () => {
  it('continues each of several prompts, as often as it is asked', async () => {
    const prompts = [wirePrompt('Once upon a time'), wirePrompt([15_496])];
    const { accepted, choices } = await generate({
      input: undefined,
      prompts,
      n: 3,
      returnPromptTokenIds: true,
    });
    expect(accepted).toMatchObject({
      promptTokens: 5,
      prompts: [{ ids: [7454, 2402, 257, 640] }, { ids: [15_496] }],
    });
    expect(choices.map(({ tokenIds, finished }) => [tokenIds.length, finished?.index])).toEqual(
      [0, 1, 2, 3, 4, 5].map((index) => [16, index]),
    );
    const [alone] = (await generate({ input: { $case: 'prompt', value: 'Hello' } })).choices;
    expect(choices[3]?.tokenIds).toEqual(alone?.tokenIds);
  });

  it('tells no prompt tokens unless it is asked', async () => {
    expect((await generate({})).accepted?.prompts).toEqual([]);
  });

  it('keeps the best of several candidates', async () => {
    const all = (await generate({ n: 5, logprobs: 0 })).choices;
    const best = (await generate({ bestOf: 5 })).choices;
    const mean = ({ logprobs }: Choice) =>
      logprobs.reduce((sum, { logprob }) => sum + logprob!, 0) / logprobs.length;
    const [expected] = all.toSorted((a, b) => mean(b) - mean(a));
    expect(best.map(({ text }) => text)).toEqual([expected?.text]);
    expect(best[0]?.finished?.usage).toMatchObject({ promptTokens: 4, completionTokens: 80 });
  });

  it('begins with the prompt, and scores it where nothing is to be generated', async () => {
    const { choices } = await generate({ echo: true, logprobs: 2, maxTokens: 0 });
    expect(choices).toMatchObject([
      { text: 'Once upon a time', echoedTokens: 4, tokenIds: [7454, 2402, 257, 640] },
    ]);
    const { logprobs, finished } = choices[0] as Choice;
    expect(finished).toMatchObject({ finishReason: FinishReason.LENGTH, usage: { completionTokens: 0 } });
    expect(logprobs.map(({ textOffset }) => textOffset)).toEqual([0, 4, 9, 11]);
    expect(logprobs.map(({ top }) => top.length)).toEqual([0, 2, 2, 2]);
    expect(logprobs[0]).toMatchObject({ tokenBytes: Buffer.from('Once') });
    expect(logprobs[0]?.logprob).toBeUndefined();
    expect(logprobs.slice(1).every(({ logprob, rank }) => logprob! < 0 && rank! >= 1)).toBe(true);
  });

  it('generates nothing and says nothing where that is asked', async () => {
    const { choices } = await generate({ maxTokens: 0, n: 2 });
    expect(choices.length).toBe(2);
    expect(choices.every(({ finished }) => finished?.finishReason === FinishReason.LENGTH)).toBe(true);
    expect(choices.map(({ text }) => text)).toEqual(['', '']);
  });

  it('leaves the stop string in the text where that is asked', async () => {
    const [{ text }] = (await generate({ maxTokens: 40 })).choices as [Choice];
    const stop = text.slice(10, 14);
    const end = text.indexOf(stop);
    const fields = { maxTokens: 40, stop: [stop] };
    expect((await generate(fields)).choices[0]?.text).toBe(text.slice(0, end));
    const [left] = (await generate({ ...fields, includeStopStrInOutput: true })).choices;
    expect(left).toMatchObject({
      text: text.slice(0, end + stop.length),
      finished: { stop: { value: stop } },
    });
  });

  it.each<[string, Partial<GenerateRequest>]>([
    [
      'prompts[1].token_ids.ids[2]',
      { input: undefined, prompts: [wirePrompt('a'), wirePrompt([1, 2, 50_257])] },
    ],
    ['prompts[1].text', { input: undefined, prompts: [wirePrompt('a'), wirePrompt('word '.repeat(300))] }],
    ['prompt_token_ids.ids[0]', { input: { $case: 'promptTokenIds', value: { ids: [60_000] } } }],
    ['max_tokens', { maxTokens: 253 }],
  ])('names the field %s that only the model finds wrong', async (field, fields) => {
    expect(await failure(fields)).toMatchObject({ field });
  });
});

describe('Score, with an engine below it', () => {
  it('gives what echo gives', async () => {
    const { choices } = await generate({ echo: true, logprobs: 1, maxTokens: 0 });
    const continuations = [wirePrompt(' a time'), wirePrompt([257, 640])];
    const { scores, usage } = await unary<ScoreResponse>((done) =>
      client.score({ model: '', context: wirePrompt('Once upon'), continuations, logprobs: 1 }, done),
    );
    const echoed = choices[0]!.logprobs.slice(2);
    for (const { tokenIds, logprobs, logprob, perplexity } of scores) {
      expect(tokenIds).toEqual([257, 640]);
      expect(logprobs).toEqual(echoed.map((token) => ({ ...token, textOffset: token.textOffset - 9 })));
      expect(logprob).toBe(echoed[0]!.logprob! + echoed[1]!.logprob!);
      expect(perplexity).toBeCloseTo(Math.exp(-logprob / 2), 10);
    }
    expect(usage).toMatchObject({ promptTokens: 2 + 4, completionTokens: 0 });
  });
});

describe('Tokenizer, with an engine below it', () => {
  it('splits and joins', async () => {
    const text = 'né<|endoftext|>😀';
    const { tokens } = await unary<TokenizeResponse>((done) => tokenizer.tokenize({ model: '', text }, done));
    expect(Buffer.concat(tokens.map(({ bytes }) => bytes)).toString()).toBe(text);
    const tokenIds = tokens.map(({ id }) => id);
    const joined = await unary((done) => tokenizer.detokenize({ model: '', tokenIds }, done));
    expect(joined).toMatchObject({ text, bytes: Buffer.from(text) });
  });
});
