import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMPLETION_FIELDS } from '../../../src/gateway/completions/completion-fields.js';
import { parseCompletionRequest } from '../../../src/gateway/completions/completion-request.js';
import { GatewayError, toErrorBody } from '../../../src/gateway/errors/gateway-error.js';

function refusal(body: unknown) {
  try {
    parseCompletionRequest(body);
  } catch (error) {
    if (error instanceof GatewayError) return { http: error.kind.http, ...toErrorBody(error).error };
    throw error;
  }
  return undefined;
}

describe('parseCompletionRequest', () => {
  it('turns an empty request into one with the defaults of the contract', () => {
    expect(parseCompletionRequest({})).toEqual({
      generate: {
        model: '',
        input: undefined,
        prompts: [],
        maxTokens: 16,
        temperature: undefined,
        topP: undefined,
        topK: undefined,
        minP: undefined,
        seed: undefined,
        presencePenalty: undefined,
        frequencyPenalty: undefined,
        repetitionPenalty: undefined,
        logitBias: {},
        stop: [],
        stopTokenIds: [],
        ignoreEos: undefined,
        minTokens: undefined,
        includeStopStrInOutput: undefined,
        n: undefined,
        bestOf: undefined,
        echo: undefined,
        logprobs: undefined,
        returnPromptTokenIds: undefined,
      },
      stream: false,
      includeUsage: false,
      includeTimings: false,
      timeoutMs: undefined,
      ignoredFields: [],
    });
  });

  it('takes null in every field for the default', () => {
    const fields = [
      ...['model', 'prompt', 'max_tokens', 'temperature', 'top_p', 'top_k', 'seed', 'stop', 'stream', 'user'],
      ...['stream_options', 'timeout_ms', 'n', 'best_of', 'echo', 'suffix', 'logprobs', 'logit_bias'],
      ...['frequency_penalty', 'presence_penalty', 'repetition_penalty', 'min_p', 'min_tokens'],
      ...['ignore_eos', 'stop_token_ids', 'include_stop_str_in_output', 'return_token_ids', 'timings'],
    ];
    expect(fields.toSorted()).toEqual(Object.keys(COMPLETION_FIELDS.shape).toSorted());
    const nulls = Object.fromEntries(fields.map((field) => [field, null]));
    expect(parseCompletionRequest(nulls)).toEqual(parseCompletionRequest({}));
  });

  it('keeps values at the edge of their range, zero included', () => {
    const { generate } = parseCompletionRequest({
      max_tokens: 0,
      temperature: 0,
      top_p: 0,
      top_k: 0,
      seed: 0,
    });
    expect(generate).toMatchObject({ maxTokens: 0, temperature: 0, topP: 0, topK: 0, seed: 0n });
    expect(
      parseCompletionRequest({ temperature: 2, top_p: 1, max_tokens: 4294967295 }).generate,
    ).toMatchObject({
      temperature: 2,
      topP: 1,
      maxTokens: 4294967295,
    });
  });

  it.each([
    ['text', 'Once', { $case: 'prompt', value: 'Once' }],
    ['a list of one text', ['Once'], { $case: 'prompt', value: 'Once' }],
    ['token ids', [1212, 318], { $case: 'promptTokenIds', value: { ids: [1212, 318] } }],
    ['a single token id', [0], { $case: 'promptTokenIds', value: { ids: [0] } }],
    [
      'a list of one list of token ids',
      [[4294967295]],
      { $case: 'promptTokenIds', value: { ids: [4294967295] } },
    ],
  ])('reads a prompt that is %s', (_form, prompt, input) => {
    expect(parseCompletionRequest({ prompt }).generate.input).toEqual(input);
  });

  const text = (value: string) => ({ input: { $case: 'text', value } });
  const ids = (...value: number[]) => ({ input: { $case: 'tokenIds', value: { ids: value } } });

  it.each([
    ['texts', ['Once', 'upon'], [text('Once'), text('upon')]],
    ['lists of token ids', [[1], [2, 3]], [ids(1), ids(2, 3)]],
    ['both', ['Once', [1, 2]], [text('Once'), ids(1, 2)]],
    ['as many as may be', Array(2048).fill('a'), Array(2048).fill(text('a'))],
  ])('reads several prompts: %s', (_form, prompt, prompts) => {
    expect(parseCompletionRequest({ prompt }).generate).toMatchObject({ input: undefined, prompts });
  });

  it('reads which choices are made, and what is told of them, up to their limits', () => {
    const { generate } = parseCompletionRequest({
      ...{ n: 128, echo: true, logprobs: 5, return_token_ids: true, include_stop_str_in_output: true },
    });
    expect(generate).toMatchObject({
      ...{ n: 128, echo: true, logprobs: 5, returnPromptTokenIds: true, includeStopStrInOutput: true },
    });
    expect(parseCompletionRequest({ logprobs: 0, best_of: 0 }).generate).toMatchObject({
      logprobs: 0,
      bestOf: 0,
    });
    expect(parseCompletionRequest({ n: 20, best_of: 20, stream: true }).generate).toMatchObject({
      bestOf: 20,
    });
  });

  it('refuses fewer candidates than choices, and more of them where the answer is streamed', () => {
    expect(refusal({ n: 3, best_of: 2 })).toMatchObject({
      param: 'best_of',
      message: '`best_of` must be at least `n`, which is 3; got 2.',
    });
    expect(refusal({ best_of: 2, stream: true })).toMatchObject({
      param: 'best_of',
      message: '`best_of` must be `n`, which is 1, or left out where `stream` is true; got 2.',
    });
    expect(refusal({ best_of: 2, stream: false })).toBeUndefined();
  });

  it('reads seeds of 64 bits from strings', () => {
    const seed = (value: unknown) => parseCompletionRequest({ seed: value }).generate.seed;
    expect(seed('9223372036854775807')).toBe(9223372036854775807n);
    expect(seed('-9223372036854775808')).toBe(-9223372036854775808n);
    expect(seed(-5)).toBe(-5n);
    expect(seed(Number.MAX_SAFE_INTEGER)).toBe(9007199254740991n);
  });

  it('reads one stop string or up to four', () => {
    const stop = (value: unknown) => parseCompletionRequest({ stop: value }).generate.stop;
    expect(stop('\n')).toEqual(['\n']);
    expect(stop(['a', 'b', 'c', 'é'.repeat(128)])).toEqual(['a', 'b', 'c', 'é'.repeat(128)]);
  });

  it('accepts what has no effect', () => {
    expect(parseCompletionRequest({ suffix: '', user: 'me' })).toEqual(parseCompletionRequest({}));
  });

  it.each([
    ['prompt', ''],
    ['prompt', []],
    ['prompt', ['']],
    ['prompt', [[]]],
    ['prompt', 5],
    ['prompt', {}],
    ['prompt', true],
    ['prompt', '\ud800'],
    ['prompt', [-1]],
    ['prompt', [1, 4294967296]],
    ['prompt', [1.5]],
    ['prompt', [1, 'a']],
    ['prompt', [null]],
    ['prompt', [['a']]],
    ['prompt', ['a', '']],
    ['prompt', ['a', 5]],
    ['prompt', [[1], []]],
    ['prompt', [[1], [2, -1]]],
    ['prompt', ['a', '\ud800']],
    ['prompt', [[1, 'a']]],
    ['prompt', Array(2049).fill('a')],
    ['model', 5],
    ['max_tokens', -1],
    ['max_tokens', 1.5],
    ['max_tokens', '16'],
    ['max_tokens', 4294967296],
    ['temperature', -0.1],
    ['temperature', 2.1],
    ['temperature', '1'],
    ['temperature', Number.POSITIVE_INFINITY],
    ['top_p', -0.1],
    ['top_p', 1.1],
    ['top_k', -1],
    ['top_k', 0.5],
    ['seed', 9007199254740992],
    ['seed', 0.5],
    ['seed', '9223372036854775808'],
    ['seed', '-9223372036854775809'],
    ['seed', '1e3'],
    ['seed', ''],
    ['seed', true],
    ['stop', ''],
    ['stop', []],
    ['stop', ['a', 'b', 'c', 'd', 'e']],
    ['stop', ['a', '']],
    ['stop', ['a', 5]],
    ['stop', 'é'.repeat(129)],
    ['stop', '\udc00'],
    ['stop', {}],
    ['stream', 'true'],
    ['stream', 1],
    ['stream_options', []],
    ['stream_options', true],
    ['timeout_ms', 0],
    ['timeout_ms', 86_400_001],
    ['user', 5],
    ['n', 0],
    ['n', 129],
    ['n', 1.5],
    ['best_of', -1],
    ['best_of', 21],
    ['best_of', '1'],
    ['echo', 1],
    ['suffix', 'x'],
    ['logprobs', -1],
    ['logprobs', 6],
    ['logprobs', true],
    ['return_token_ids', 'yes'],
    ['timings', 'yes'],
    ['include_stop_str_in_output', 0],
    ['logit_bias', []],
    ['logit_bias', 5],
    ['logit_bias', { a: 1 }],
    ['logit_bias', { '-1': 1 }],
    ['logit_bias', { '1.5': 1 }],
    ['logit_bias', { '01': 1 }],
    ['logit_bias', { '': 1 }],
    ['logit_bias', { '4294967296': 1 }],
    ['logit_bias', { '5': 100.5 }],
    ['logit_bias', { '5': -101 }],
    ['logit_bias', { '5': '1' }],
    ['logit_bias', { '5': null }],
    ['logit_bias', { '5': [1] }],
    ['logit_bias', Object.fromEntries(Array.from({ length: 1025 }, (_, id) => [id, 1]))],
    ['frequency_penalty', 2.1],
    ['frequency_penalty', '0'],
    ['presence_penalty', -3],
    ['repetition_penalty', 0],
    ['repetition_penalty', 2.1],
    ['min_p', -0.1],
    ['min_p', 1.1],
    ['min_tokens', -1],
    ['min_tokens', 0.5],
    ['ignore_eos', 1],
    ['stop_token_ids', 50256],
    ['stop_token_ids', [1, 2, 3, 4, 5]],
    ['stop_token_ids', [1, -1]],
    ['stop_token_ids', ['1']],
  ])('refuses %s: %j and names the field', (field, value) => {
    const error = refusal({ [field]: value, ...(field === 'stream_options' ? { stream: true } : {}) });
    expect(error).toMatchObject({
      http: 400,
      type: 'invalid_request_error',
      param: field,
      code: 'invalid_value',
    });
    expect(error?.message).toMatch(new RegExp(`^\`${field}(\\[\\d+\\])*\` must .*; got .+\\.$`));
  });

  it('reads penalties, biases and what ends the completion, up to their limits', () => {
    const biases = Object.fromEntries(Array.from({ length: 1024 }, (_, id) => [id, id % 2 ? 100 : -100]));
    const { generate, ignoredFields } = parseCompletionRequest({
      ...{ presence_penalty: -2, frequency_penalty: 2, repetition_penalty: 2, logit_bias: biases, min_p: 1 },
      ...{ min_tokens: 0, ignore_eos: false, stop_token_ids: [0, 1, 2, 4294967295] },
    });
    expect(generate).toMatchObject({
      ...{ presencePenalty: -2, frequencyPenalty: 2, repetitionPenalty: 2, logitBias: biases, minP: 1 },
      ...{ minTokens: 0, ignoreEos: false, stopTokenIds: [0, 1, 2, 4294967295] },
    });
    expect(ignoredFields).toEqual([]);
    expect(parseCompletionRequest({ logit_bias: {}, stop_token_ids: [] })).toEqual(
      parseCompletionRequest({}),
    );
  });

  it('says which element of a list is wrong, and what was there', () => {
    expect(refusal({ logit_bias: { '50256': -101 } })?.message).toBe(
      '`logit_bias[50256]` must be a number from -100 to 100; got -101.',
    );
    expect(refusal({ logit_bias: { the: 1 } })?.message).toBe(
      '`logit_bias` must have token ids as keys, integers from 0 to 4294967295, not "the"; got an object.',
    );
    expect(refusal({ stop_token_ids: [0, -1] })?.message).toBe(
      '`stop_token_ids[1]` must be a token id: an integer from 0 to 4294967295; got -1.',
    );
    expect(refusal({ prompt: [1, 2, -7] })?.message).toBe(
      '`prompt[2]` must be a token id: an integer from 0 to 4294967295; got -7.',
    );
    expect(refusal({ prompt: ['a', [1, -7]] })?.message).toBe(
      '`prompt[1][1]` must be a token id: an integer from 0 to 4294967295; got -7.',
    );
    expect(refusal({ prompt: ['a', {}] })?.message).toBe(
      '`prompt[1]` must be a string or a list of token ids, not empty; got an object.',
    );
    expect(refusal({ suffix: 'the end' })?.message).toBe(
      '`suffix` must be left out, or empty, since GPT-2 can not complete the middle of a text; got "the end".',
    );
    expect(refusal({ max_tokens: 'many' })?.message).toBe(
      '`max_tokens` must be an integer from 0 to 4294967295; got "many".',
    );
  });

  it('does not repeat long values', () => {
    expect(refusal({ max_tokens: 'secret'.repeat(10) })?.message).toContain('got a string of 60 characters');
  });

  it('refuses stream_options without stream, and names nested fields', () => {
    expect(refusal({ stream_options: { include_usage: true } })?.param).toBe('stream_options');
    expect(refusal({ stream: false, stream_options: {} })?.param).toBe('stream_options');
    expect(refusal({ stream: true, stream_options: { include_usage: 1 } })?.param).toBe(
      'stream_options.include_usage',
    );
    expect(
      parseCompletionRequest({ stream: true, stream_options: { include_usage: true } }).includeUsage,
    ).toBe(true);
  });

  it.each([null, [], 'text', 5, true, undefined])('refuses a body that is %j as a whole', (body) => {
    expect(refusal(body)).toMatchObject({
      http: 400,
      param: null,
      message: /^The body must be a JSON object/,
    });
  });

  it('names unknown fields so that they fit a header', () => {
    const body = JSON.parse('{"prompt":"x","mirostat":2,"__proto__":{},"a\\nb":1,"ключ":2,"toString":3}');
    expect(parseCompletionRequest(body).ignoredFields).toEqual([
      'mirostat',
      '__proto__',
      'a?b',
      '????',
      'toString',
    ]);
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`field${i}`, 1]));
    expect(parseCompletionRequest(many).ignoredFields).toHaveLength(16);
  });

  it('accepts or refuses any JSON, and every refusal names a field of the request or the body as a whole', () => {
    const field = fc.constantFrom(...Object.keys(COMPLETION_FIELDS.shape), 'other');
    const value = fc.oneof(
      fc.jsonValue(),
      fc.integer(),
      fc.double(),
      fc.string({ unit: 'binary' }),
      fc.array(fc.oneof(fc.integer(), fc.string(), fc.array(fc.integer()))),
      fc.record({ include_usage: fc.oneof(fc.boolean(), fc.jsonValue()) }),
    );
    const body = fc.oneof(fc.jsonValue(), fc.dictionary(field, value));
    fc.assert(
      fc.property(body, (any) => {
        const json = JSON.parse(JSON.stringify(any) ?? 'null');
        const error = refusal(json);
        if (error === undefined) return;
        expect(error.http).toBe(400);
        if (error.param === null) expect(error.message).toMatch(/^The body /);
        else expect(Object.keys(json)).toContain(error.param.split('.')[0]);
      }),
      { numRuns: 1000 },
    );
  });
});
