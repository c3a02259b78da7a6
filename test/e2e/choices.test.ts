import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { readChoices } from '../support/sse.js';
import { fromTokenString } from '../support/token-string.js';

let linnet: Linnet;
beforeAll(async () => {
  linnet = await startLinnet();
  await linnet.engine.load();
});
afterAll(() => linnet.close());

interface Request {
  readonly prompt: readonly (string | readonly number[])[];
  readonly n: number;
  readonly echo: boolean;
  readonly logprobs: number;
  readonly max_tokens: number;
  readonly temperature: number;
  readonly seed: string;
  readonly stop?: readonly string[] | undefined;
  readonly include_stop_str_in_output: boolean;
  readonly return_token_ids: true;
}

interface Choice {
  readonly index: number;
  readonly text: string;
  readonly finish_reason: string;
  readonly stop_reason: string | number | null;
  readonly token_ids: number[];
  readonly prompt_token_ids: number[];
  readonly logprobs: {
    readonly tokens: string[];
    readonly token_logprobs: (number | null)[];
    readonly top_logprobs: (Record<string, number> | null)[];
    readonly text_offset: number[];
  };
}

async function collected(request: object): Promise<Choice[]> {
  const response = await linnet.gateway.post(request);
  expect(response.status).toBe(200);
  return (await response.json()).choices;
}

/** The same from a stream. */
async function streamed(request: object): Promise<Choice[]> {
  const { choices, chunks, isDone } = await readChoices(
    await linnet.gateway.post({ ...request, stream: true }),
  );
  expect(isDone).toBe(true);
  return choices.map(({ text, finishReason = '', logprobs, tokenIds, promptTokenIds }, index) => ({
    ...{ text, index, logprobs: logprobs as Choice['logprobs'], finish_reason: finishReason },
    stop_reason: chunks.flatMap((chunk) => chunk.choices).findLast((part) => part.index === index)
      .stop_reason,
    ...{ token_ids: [...tokenIds], prompt_token_ids: promptTokenIds.flat() },
  }));
}

const isWellFormed = (text: string) => !/\p{Surrogate}/u.test(text);
// 158, 159 and others are single bytes of characters: a list of ids may begin or end within one.
const tokenIds = fc.array(fc.oneof(fc.nat(50_255), fc.integer({ min: 94, max: 255 })), {
  minLength: 1,
  maxLength: 6,
});
const texts = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 10 }).filter(isWellFormed),
  fc.constantFrom('The future of AI is', '人工智能', '👩‍👩‍👧‍👦 says', 'naïve café — “'),
);
const requests: fc.Arbitrary<Request> = fc.record({
  prompt: fc.array(fc.oneof(texts, tokenIds), { minLength: 1, maxLength: 3 }),
  n: fc.constantFrom(1, 2),
  echo: fc.boolean(),
  logprobs: fc.constantFrom(0, 1, 5),
  max_tokens: fc.constantFrom(0, 1, 8, 24),
  // At 2 the small model draws nearly at random from the vocabulary, broken pieces of characters included.
  temperature: fc.constantFrom(0, 2, 2),
  seed: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  include_stop_str_in_output: fc.boolean(),
  return_token_ids: fc.constant(true as const),
});

/** How many characters begin before the last of these bytes' last character does. */
function characterIndex(bytes: Buffer): number {
  return [...new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)].length - 1;
}

/** Expects the four lists to have one entry for each token, and offsets to be where the bytes say. */
function expectAligned({ echo, logprobs: numTop }: Request, choice: Choice, promptBytes: Buffer): void {
  const { logprobs, token_ids: ids, prompt_token_ids: promptIds } = choice;
  const numTokens = ids.length + (echo ? promptIds.length : 0);
  for (const list of Object.values(logprobs)) expect(list).toHaveLength(numTokens);
  let before = echo ? Buffer.alloc(0) : promptBytes;
  for (const [place, token] of logprobs.tokens.entries()) {
    const bytes = fromTokenString(token);
    expect(logprobs.text_offset[place]).toBe(characterIndex(Buffer.concat([before, bytes.subarray(0, 1)])));
    before = Buffer.concat([before, bytes]);
    const own = logprobs.token_logprobs[place];
    const top = logprobs.top_logprobs[place];
    if (echo && place === 0) expect([own, top]).toEqual([null, null]);
    else {
      expect(top?.[token]).toBe(own);
      const size = Object.keys(top ?? {}).length;
      expect(size).toBeGreaterThanOrEqual(Math.max(numTop, 1));
      expect(size).toBeLessThanOrEqual(numTop + 1);
    }
  }
}

describe('A request for several choices, with log-probabilities', () => {
  it('says the same streamed and collected, in lists that align and with offsets that fit', {
    timeout: 180_000,
  }, async () => {
    let numStopped = 0;
    let numBroken = 0;
    await fc.assert(
      fc.asyncProperty(requests, fc.array(fc.tuple(fc.nat(60), fc.nat(8))), async (unstopped, places) => {
        const [first] = await collected({ ...unstopped, echo: false });
        const stop = places
          .map(([at, length]) => (first?.text ?? '').slice(at).slice(0, length))
          .filter((piece) => piece !== '' && isWellFormed(piece))
          .slice(0, 4);
        const request = { ...unstopped, stop: stop.length > 0 ? stop : undefined };
        const [whole, stream] = await Promise.all([collected(request), streamed(request)]);
        expect(stream).toEqual(whole);
        expect(whole.map(({ index }) => index)).toEqual(Array.from(whole, (_, index) => index));
        expect(whole).toHaveLength(request.prompt.length * request.n);
        const echoes = await collected({ ...request, n: 1, stop: null, echo: true, max_tokens: 0 });
        for (const choice of whole) {
          const echoed = echoes[Math.floor(choice.index / request.n)]!;
          expectAligned(request, choice, Buffer.concat(echoed.logprobs.tokens.map(fromTokenString)));
          if (request.echo) expect(choice.text.startsWith(echoed.text)).toBe(true);
          if (typeof choice.stop_reason === 'string') {
            numStopped++;
            const completion = choice.text.slice(request.echo ? echoed.text.length : 0);
            expect(completion.endsWith(choice.stop_reason)).toBe(request.include_stop_str_in_output);
          }
          if (choice.text.includes('\ufffd')) numBroken++;
        }
      }),
      { numRuns: 40 },
    );
    expect(numStopped).toBeGreaterThan(10);
    expect(numBroken).toBeGreaterThan(0);
  });

  it('gives choice i the same under the same seed whatever n is, and each prompt what it gets alone', async () => {
    const request = { prompt: ['Once', [7454, 2402]], max_tokens: 8, seed: 5, temperature: 1 };
    const four = await collected({ ...request, n: 4 });
    const two = await collected({ ...request, n: 2 });
    expect(two.map(({ text }) => text)).toEqual([0, 1, 4, 5].map((index) => four[index]!.text));
    const alone = await collected({ ...request, prompt: 'Once', n: 4 });
    expect(alone.map(({ text }) => text)).toEqual(four.slice(0, 4).map(({ text }) => text));
  });
});

describe('POST /tokenize and /detokenize', () => {
  const post = async (path: string, body: object) => (await linnet.gateway.post(body, { path })).json();

  it('give any text back, token by token too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(texts, fc.constant('')), async (text) => {
        const body = { prompt: text, return_token_strs: true };
        const {
          tokens,
          count,
          token_strs: strings,
          text_offset: offsets,
          max_model_len,
        } = await post('/tokenize', body);
        expect(count).toBe(tokens.length);
        expect(max_model_len).toBe(256);
        expect(await post('/detokenize', { tokens })).toEqual({ prompt: text });
        const bytes: Buffer[] = strings.map(fromTokenString);
        expect(Buffer.concat(bytes).toString()).toBe(text);
        for (const [place, token] of bytes.entries()) {
          const upTo = Buffer.concat([...bytes.slice(0, place), token.subarray(0, 1)]);
          expect(offsets[place]).toBe(characterIndex(upTo));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('agree with the prompt that a completion has', async () => {
    const { tokens } = await post('/tokenize', { prompt: '人工智能的未来 is' });
    const [choice] = await collected({ prompt: '人工智能的未来 is', max_tokens: 0, return_token_ids: true });
    expect(choice?.prompt_token_ids).toEqual(tokens);
    expect(choice).toMatchObject({ text: '', token_ids: [], finish_reason: 'length' });
  });
});
