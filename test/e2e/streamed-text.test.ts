import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GenerateRequest, GenerateResponse } from '../../src/contract/gen/linnet/v1/completion.js';
import { readAll, wireRequest } from '../support/grpc-harness.js';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { readStream } from '../support/sse.js';

let linnet: Linnet;
beforeAll(async () => {
  linnet = await startLinnet();
  await linnet.engine.load();
});
afterAll(() => linnet.close());

/** The request in HTTP's words; the seed is of 64 bits, and so a string. */
interface SeededRequest {
  readonly prompt: string;
  readonly max_tokens: number;
  readonly temperature: number;
  readonly top_p?: number;
  readonly seed: string;
  readonly stop?: readonly string[];
  readonly logit_bias?: Readonly<Record<number, number>>;
}

async function collected(request: SeededRequest) {
  const response = await linnet.gateway.post(request);
  expect(response.status).toBe(200);
  const { choices, usage } = await response.json();
  const [{ text, finish_reason: finishReason }] = choices;
  return { text: text as string, finishReason, usage };
}

async function streamed(request: SeededRequest) {
  const response = await linnet.gateway.post({ ...request, stream: true });
  expect(response.status).toBe(200);
  const { text, finishReason, isDone } = await readStream(response);
  expect(isDone).toBe(true);
  return { text, finishReason };
}

async function overGrpc({ prompt, max_tokens, top_p, seed, stop = [], ...rest }: SeededRequest) {
  const request: GenerateRequest = wireRequest({
    input: { $case: 'prompt', value: prompt },
    maxTokens: max_tokens,
    temperature: rest.temperature,
    topP: top_p,
    seed: BigInt(seed),
    stop: [...stop],
    logitBias: rest.logit_bias ?? {},
  });
  const { messages, error } = await readAll<GenerateResponse>(linnet.completion.generate(request));
  expect(error).toBeUndefined();
  const deltas = messages.flatMap(({ event }) => (event?.$case === 'delta' ? [event.value] : []));
  return {
    text: deltas.map(({ text }) => text).join(''),
    tokenIds: deltas.flatMap(({ tokenIds }) => tokenIds),
    bytes: Buffer.concat(deltas.map(({ tokenBytes }) => tokenBytes)),
  };
}

/** All but forces the two pieces of a character, of two bytes and of one. */
const PIECES = { 47797: 100, 121: 100 };

const isWellFormed = (text: string) => !/\p{Surrogate}/u.test(text);

// Text that people write, and text that only breaks things: characters of one to four bytes, joined emoji, marks.
const prompts = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter(isWellFormed),
  fc.constantFrom(
    'The future of AI is',
    '👩‍👩‍👧‍👦🇳🇴 says',
    '人工智能的未来是',
    'Привет, ',
    'naïve café — “',
    '\u0000\ufeff\n',
  ),
);

// At 1.5 the small model draws nearly at random from the vocabulary, broken pieces of characters included.
const requests: fc.Arbitrary<SeededRequest> = fc.record({
  prompt: prompts,
  max_tokens: fc.constantFrom(1, 2, 20, 40, 60),
  temperature: fc.constantFrom(0, 0.7, 1.5, 1.5, 2),
  top_p: fc.constantFrom(1, 0.95),
  seed: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
});

/** Long enough at the highest temperature to have broken characters for all practical purposes. */
const wild = ['1', '2', '3', '4', '5', '6'].map((seed): [SeededRequest] => [
  { prompt: 'Once', max_tokens: 60, temperature: 2, top_p: 1, seed },
]);

describe('A seeded request', () => {
  it('gives the same text streamed, collected and over gRPC, whatever characters are in it', async () => {
    let numBroken = 0;
    let numWide = 0;
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const [whole, stream, first, second] = await Promise.all([
          collected(request),
          streamed(request),
          overGrpc(request),
          overGrpc(request),
        ]);
        expect(stream).toEqual({ text: whole.text, finishReason: whole.finishReason });
        expect(first.text).toBe(whole.text);
        expect(second).toEqual(first);
        expect(first.tokenIds).toHaveLength(whole.usage.completion_tokens);
        const ended = whole.finishReason === 'stop' ? '<|endoftext|>' : '';
        expect(whole.text + ended).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(first.bytes));
        if (whole.text.includes('\ufffd')) numBroken++;
        if (Buffer.byteLength(whole.text) > whole.text.length) numWide++;
      }),
      { numRuns: 30, examples: wild },
    );
    expect(numBroken).toBeGreaterThan(0);
    expect(numWide).toBeGreaterThan(0);
  });

  it('ends before a stop string at the same place in every form', async () => {
    let numStopped = 0;
    await fc.assert(
      fc.asyncProperty(
        requests,
        fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 12 })), { minLength: 1, maxLength: 4 }),
        async (request, places) => {
          const { text } = await collected(request);
          const stop = places
            .map(([at, length]) => text.slice(at % Math.max(text.length, 1)).slice(0, length))
            .filter((piece) => piece !== '' && isWellFormed(piece));
          fc.pre(stop.length > 0);
          const stopping = { ...request, stop };
          const [whole, stream, wire] = await Promise.all([
            collected(stopping),
            streamed(stopping),
            overGrpc(stopping),
          ]);
          expect(whole).toMatchObject({ text: beforeFirstEnd(text, stop), finishReason: 'stop' });
          expect(stream).toEqual({ text: whole.text, finishReason: 'stop' });
          expect(wire.text).toBe(whole.text);
          numStopped++;
        },
      ),
      { numRuns: 30 },
    );
    expect(numStopped).toBeGreaterThan(15);
  });

  it('says the same wherever it is cut, in the middle of a character too', async () => {
    const cuts = Array.from({ length: 42 }, (_, i) => ({
      prompt: '人工智能',
      max_tokens: i + 1,
      temperature: 2,
      seed: '381',
      logit_bias: PIECES,
    }));
    const answers = await Promise.all(
      cuts.map(async (request) => {
        const [stream, wire] = await Promise.all([streamed(request), overGrpc(request)]);
        return { text: stream.text, expected: new TextDecoder().decode(wire.bytes), ids: wire.tokenIds };
      }),
    );
    for (const [index, { text, expected, ids }] of answers.entries()) {
      expect(text).toBe(expected);
      expect(ids).toEqual(answers.at(-1)!.ids.slice(0, index + 1));
    }
    // Some cut is where a character has only begun, and becomes whole with the next token, or never.
    expect(answers.some(({ text }) => text.endsWith('\ufffd'))).toBe(true);
  });
});

/** What is before the stop that is complete first; of those that end together, before the one that begins first. */
function beforeFirstEnd(text: string, stop: readonly string[]): string {
  const ends = stop.map((piece) => text.indexOf(piece) + piece.length);
  const end = Math.min(...ends);
  const starts = stop.map((piece) => text.indexOf(piece)).filter((_, index) => ends[index] === end);
  return text.slice(0, Math.min(...starts));
}

describe('16 streams at once', () => {
  it('each get exactly what they get alone', async () => {
    const all = Array.from({ length: 16 }, (_, i) => ({
      prompt: ['The future of AI is', '人工智能', 'Once upon a time 🦊 '][i % 3]!.repeat(1 + (i % 7)),
      max_tokens: 15 + 3 * i,
      temperature: i % 4 === 0 ? 0 : 1.2,
      top_p: i % 2 ? 0.9 : 1,
      seed: String(i * 1_000_003),
    }));
    const alone = [];
    for (const request of all) alone.push(await streamed(request));
    expect(await Promise.all(all.map(streamed))).toEqual(alone);
    // Their tokens are not what they are because nothing is sampled at all.
    expect(new Set(alone.map(({ text }) => text)).size).toBe(16);
  });
});
