import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Delta, FinishReason, type TokenLogprob } from '../../src/contract/gen/linnet/v1/completion.js';
import type { ScriptedCall } from '../support/scripted-call.js';
import { ScriptedService } from '../support/scripted-service.js';
import { readChoices, type StreamedChoice } from '../support/sse.js';
import { startTestGateway, type TestGateway } from '../support/test-gateway.js';

let service: ScriptedService;
let gateway: TestGateway;

beforeAll(async () => {
  service = await ScriptedService.start();
  gateway = await startTestGateway({ engineAddress: service.address });
});

beforeEach(() => {
  service.answer = undefined;
});

afterAll(async () => {
  await gateway.close();
  service.stop();
});

async function collected(body: object, script: (call: ScriptedCall) => void) {
  service.answer = script;
  const response = await gateway.post(body);
  expect(response.status).toBe(200);
  return response.json();
}

async function streamed(body: object, script: (call: ScriptedCall) => void) {
  service.answer = script;
  return readChoices(await gateway.post({ ...body, stream: true }));
}

/** Four choices, two of each prompt, that come and end in no order. */
function interleave(call: ScriptedCall): void {
  call.accept({ prompts: [{ ids: [1, 2] }, { ids: [3] }] });
  for (const index of [2, 0, 3, 1]) call.sendText(`<${index}`, index);
  call.finishChoice({
    index: 3,
    finishReason: FinishReason.STOP,
    stop: { $case: 'stopString', value: '\n' },
  });
  for (const index of [1, 0]) call.sendText('>', index);
  call.finishChoice({ index: 0 });
  call.finishChoice({ index: 2 });
  const usage = { promptTokens: 3, completionTokens: 9, cachedTokens: 1, acceptedPredictionTokens: 0 };
  call.finish({ index: 1, usage });
}

const FOUR = { prompt: [[1, 2], [3]], n: 2 };
const USAGE = { prompt_tokens: 3, completion_tokens: 9, total_tokens: 12 };

describe('Several choices', () => {
  it('are collected in the order of their indices, with the usage of all', async () => {
    const { choices, usage } = await collected(FOUR, interleave);
    expect(choices).toMatchObject([
      { index: 0, text: '<0>', finish_reason: 'length', stop_reason: null },
      { index: 1, text: '<1>', finish_reason: 'length', stop_reason: null },
      { index: 2, text: '<2', finish_reason: 'length', stop_reason: null },
      { index: 3, text: '<3', finish_reason: 'stop', stop_reason: '\n' },
    ]);
    expect(usage).toMatchObject(USAGE);
  });

  it('are streamed interleaved, each with one end, then the usage and one [DONE]', async () => {
    const { chunks, choices, isDone } = await streamed(
      { ...FOUR, stream_options: { include_usage: true } },
      interleave,
    );
    expect(chunks.map((chunk) => chunk.choices.map(({ index }: { index: number }) => index))).toEqual([
      ...[[2], [0], [3], [1], [3], [1], [0], [0], [2], [1], []],
    ]);
    expect(chunks.map(({ usage }) => usage)).toMatchObject([...Array(10).fill(null), USAGE]);
    expect(choices.map(({ text, finishReason }) => [text, finishReason])).toEqual([
      ...[
        ['<0>', 'length'],
        ['<1>', 'length'],
        ['<2', 'length'],
        ['<3', 'stop'],
      ],
    ]);
    expect(isDone).toBe(true);
  });

  it('are not whole while one has not ended', async () => {
    const endEarly = (call: ScriptedCall) => call.accept().finish({ index: 0 });
    service.answer = endEarly;
    expect((await gateway.post({ n: 2 })).status).toBe(500);
    const { isDone, chunks } = await streamed({ n: 2 }, endEarly);
    expect(isDone).toBe(false);
    expect(chunks.at(-1)).toMatchObject({ error: { code: 'internal_error' } });
  });

  it('are counted in the log', async () => {
    const numLines = gateway.log.length;
    await collected(FOUR, interleave);
    const lines = await gateway.logged(numLines + 1);
    expect(lines.at(-1)).toMatchObject({ choices: 4, completionTokens: 9, finishReason: 'stop,length' });
  });
});

const logprob = (
  token: string | Buffer,
  value?: number,
  top: [string | Buffer, number][] = [],
): TokenLogprob => ({
  logprob: value,
  rank: value === undefined ? undefined : 1,
  tokenBytes: Buffer.from(token),
  textOffset: 0,
  top: top.map(([bytes, logprobOfTop], tokenId) => ({
    ...{ tokenId, tokenBytes: Buffer.from(bytes), logprob: logprobOfTop },
  })),
});

describe('Log-probabilities', () => {
  const half = Buffer.from([0xe2, 0x80]);
  const otherHalf = Buffer.from([0xe2, 0x81]);
  const entries: TokenLogprob[] = [
    { ...logprob('Hi'), textOffset: 0 },
    {
      ...logprob(half, -2.5, [
        [otherHalf, -0.5],
        ['12', -1],
      ]),
      textOffset: 2,
    },
    { ...logprob('!', -9999), textOffset: 2 },
  ];
  const expected = {
    tokens: ['Hi', 'bytes:\\xe2\\x80', '!'],
    token_logprobs: [null, -2.5, -9999],
    top_logprobs: [null, { 'bytes:\\xe2\\x81': -0.5, '12': -1, 'bytes:\\xe2\\x80': -2.5 }, { '!': -9999 }],
    text_offset: [0, 2, 2],
  };
  const script = (call: ScriptedCall) => {
    call.accept();
    call.sendDelta({ text: 'Hi', tokenIds: [17250], echoedTokens: 1, logprobs: entries.slice(0, 1) });
    call.sendDelta({ tokenIds: [447], logprobs: entries.slice(1, 2) });
    call.sendDelta({ text: '\ufffd!', tokenIds: [0], logprobs: entries.slice(2) });
    call.sendDelta({ text: '?' });
    call.finish();
  };

  it('come in four lists of one length, of which no entry is lost', async () => {
    const { choices } = await collected({ logprobs: 2, echo: true }, script);
    expect(choices[0]).toMatchObject({ text: 'Hi\ufffd!?', logprobs: expected });
  });

  it('come with the chunks of a stream, also while text is held back', async () => {
    const { chunks, choices } = await streamed({ logprobs: 2, echo: true }, script);
    expect(choices[0]).toMatchObject({ text: 'Hi\ufffd!?', logprobs: expected });
    expect(chunks.map((chunk) => chunk.choices[0].logprobs?.tokens ?? null)).toEqual([
      ...[['Hi'], ['bytes:\\xe2\\x80'], ['!'], null, null],
    ]);
  });

  it('are empty lists where there are no tokens, and null where they were not asked for', async () => {
    const none = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
    const { choices } = await collected({ logprobs: 0, max_tokens: 0 }, (call) => call.accept().finish());
    expect(choices[0].logprobs).toEqual(none);
    expect((await collected({ echo: true }, script)).choices[0].logprobs).toBeNull();
  });
});

describe('Token ids', () => {
  const script = (call: ScriptedCall) => {
    call.accept({ prompts: [{ ids: [7, 8] }, { ids: [9] }] });
    call.sendDelta({ index: 1, text: 'xyz', tokenIds: [9, 10, 11], echoedTokens: 1 });
    call.sendDelta({ index: 1, tokenIds: [12] });
    call.finishChoice({ index: 1 });
    call.finish({ index: 0 });
  };
  const body = { prompt: ['a', 'b'], return_token_ids: true };
  const expected = [
    { token_ids: [], prompt_token_ids: [7, 8] },
    { token_ids: [10, 11, 12], prompt_token_ids: [9] },
  ];

  it('are told without the echoed ones, and the prompt of each choice beside them', async () => {
    expect((await collected(body, script)).choices).toMatchObject(expected);
  });

  it('are streamed as they come, the prompt with the first chunk of each choice', async () => {
    const { chunks, choices } = await streamed(body, script);
    expect(choices.map(({ tokenIds, promptTokenIds }) => [tokenIds, promptTokenIds])).toEqual([
      ...[
        [[], [[7, 8]]],
        [[10, 11, 12], [[9]]],
      ],
    ]);
    expect(chunks).toHaveLength(4);
  });

  it('are left out where they were not asked for', async () => {
    const { choices } = await collected({ prompt: ['a', 'b'] }, script);
    expect(Object.keys(choices[0])).toEqual(['text', 'index', 'logprobs', 'finish_reason', 'stop_reason']);
  });
});

describe('A streamed answer', () => {
  const delta: fc.Arbitrary<Partial<Delta>> = fc
    .record({
      index: fc.nat(2),
      text: fc.string({ unit: 'grapheme', maxLength: 4 }),
      tokens: fc.array(fc.tuple(fc.uint8Array({ maxLength: 3 }), fc.nat(50_256)), { maxLength: 3 }),
      numEchoed: fc.nat(3),
    })
    .map(({ index, text, tokens, numEchoed }) => ({
      index,
      text,
      tokenIds: tokens.map(([, id]) => id),
      echoedTokens: Math.min(numEchoed, tokens.length),
      logprobs: tokens.map(([bytes, id]) => logprob(Buffer.from(bytes), -id, [['the', -1]])),
    }));

  it('adds up to the collected one, whatever comes in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(delta, { maxLength: 12 }),
        fc.record({ logprobs: fc.constantFrom(null, 0, 1), return_token_ids: fc.boolean() }),
        async (deltas, options) => {
          const body = { n: 3, ...options };
          const script = (call: ScriptedCall) => {
            call.accept({ prompts: [{ ids: [1] }] });
            for (const part of deltas) call.sendDelta(part);
            for (const index of [2, 0]) call.finishChoice({ index });
            call.finish({ index: 1 });
          };
          const whole = await collected(body, script);
          const { choices } = await streamed(body, script);
          expect(choices.map(toWhole(options))).toEqual(whole.choices);
        },
      ),
      { numRuns: 100 },
    );
  });
});

function toWhole({ logprobs, return_token_ids }: { logprobs: number | null; return_token_ids: boolean }) {
  return (choice: StreamedChoice, index: number) => ({
    text: choice.text,
    index,
    logprobs: logprobs === null ? null : choice.logprobs,
    finish_reason: choice.finishReason,
    stop_reason: null,
    ...(return_token_ids && { token_ids: choice.tokenIds, prompt_token_ids: choice.promptTokenIds[0] }),
  });
}
