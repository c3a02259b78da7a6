import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GenerateRequest, Prompt } from '../../../src/contract/gen/linnet/v1/completion.js';
import { DEFAULT_SAMPLING, EngineError } from '../../../src/engine/index.js';
import { parseGenerateRequest } from '../../../src/grpc/messages/generate-request.js';

function wire(fields: Partial<GenerateRequest> = {}): GenerateRequest {
  return { model: '', input: undefined, stop: [], logitBias: {}, stopTokenIds: [], prompts: [], ...fields };
}

function parse(fields: Partial<GenerateRequest> = {}) {
  return parseGenerateRequest(wire(fields)).request;
}

function texts(count: number): Prompt[] {
  return Array.from({ length: count }, () => ({ input: { $case: 'text', value: 'a' } }));
}

function biases(count: number): Record<number, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, id) => [id, 1]));
}

function refusal(fields: Partial<GenerateRequest>): EngineError {
  try {
    parse(fields);
  } catch (caught) {
    if (caught instanceof EngineError) return caught;
    throw caught;
  }
  throw new Error('The request was accepted.');
}

describe('parseGenerateRequest', () => {
  it('fills in the defaults of the proto', () => {
    expect(parseGenerateRequest(wire())).toEqual({
      request: {
        model: '',
        prompts: [{ field: 'prompt', input: [50256] }],
        n: 1,
        bestOf: 1,
        maxTokens: 16,
        sampling: { ...DEFAULT_SAMPLING, seed: expect.any(BigInt) },
        stop: [],
        includeStop: false,
        echo: false,
        logprobs: undefined,
      },
      cancelKey: undefined,
      returnPromptTokenIds: false,
    });
  });

  it('keeps what was said, zeros included', () => {
    const stop = ['\n', 'é'];
    const input: GenerateRequest['input'] = { $case: 'promptTokenIds', value: { ids: [0, 4294967295] } };
    const said = {
      model: 'm',
      input,
      maxTokens: 0,
      temperature: 0,
      topP: 0,
      topK: 0,
      seed: -(2n ** 63n),
      stop,
      n: 3,
      bestOf: 0,
      logprobs: 0,
      echo: true,
      includeStopStrInOutput: true,
    };
    expect(parse(said)).toEqual({
      model: 'm',
      prompts: [{ field: 'prompt_token_ids', input: [0, 4294967295] }],
      n: 3,
      bestOf: 3,
      logprobs: 0,
      echo: true,
      includeStop: true,
      maxTokens: 0,
      sampling: { ...DEFAULT_SAMPLING, temperature: 0, topP: 0, topK: 0, seed: -(2n ** 63n) },
      stop,
    });
  });

  it('draws a new seed for each request, which a JSON number can hold', () => {
    const seeds = Array.from({ length: 100 }, () => parse().sampling.seed);
    expect(new Set(seeds).size).toBe(100);
    for (const seed of seeds) expect(seed >= 0n && seed < 2n ** 53n).toBe(true);
  });

  it.each([
    [{ n: 0 }, 'n', '`n` must be between 1 and 128; got 0.'],
    [{ n: 129 }, 'n', '`n` must be between 1 and 128; got 129.'],
    [{ n: 4, bestOf: 3 }, 'best_of', '`best_of` must be 0, or at least `n`, 4, and at most 20; got 3.'],
    [{ bestOf: 21 }, 'best_of', '`best_of` must be 0, or at least `n`, 1, and at most 20; got 21.'],
    [
      { n: 21, prompts: texts(98) },
      'n',
      '`n` must be at most 20 with 98 prompts, so that there are no more than 2048 candidates in all; got 21.',
    ],
    [
      { bestOf: 2, prompts: texts(1025) },
      'best_of',
      '`best_of` must be at most 1 with 1025 prompts, so that there are no more than 2048 candidates in all; got 2.',
    ],
    [{ logprobs: 6 }, 'logprobs', '`logprobs` must be between 0 and 5; got 6.'],
    [{ prompts: texts(2049) }, 'prompts', '`prompts` must be at most 2048 texts; got 2049.'],
    [
      { prompts: [...texts(2), { input: undefined }] },
      'prompts[2]',
      '`prompts[2]` must have `text` or `token_ids`.',
    ],
    [
      { prompts: [...texts(1), { input: { $case: 'text', value: '' } }] },
      'prompts[1].text',
      '`prompts[1].text` must not be empty.',
    ],
    [
      { prompts: [{ input: { $case: 'tokenIds', value: { ids: [] } } }] },
      'prompts[0].token_ids',
      '`prompts[0].token_ids` must not be empty.',
    ],
    [
      { input: { $case: 'prompt', value: 'a' }, prompts: texts(2) },
      'prompts',
      '`prompts` must be left empty where `prompt` is set; got 2.',
    ],
    [
      { input: { $case: 'promptTokenIds', value: { ids: [1] } }, prompts: texts(1) },
      'prompts',
      '`prompts` must be left empty where `prompt_token_ids` is set; got 1.',
    ],
    [{ maxTokens: 0, minTokens: 1 }, 'min_tokens', '`min_tokens` must be at most `max_tokens`, 0; got 1.'],
    [{ temperature: -0.1 }, 'temperature', '`temperature` must be between 0 and 2; got -0.1.'],
    [{ temperature: 2.1 }, 'temperature', '`temperature` must be between 0 and 2; got 2.1.'],
    [{ temperature: Number.NaN }, 'temperature', '`temperature` must be between 0 and 2; got NaN.'],
    [{ temperature: Infinity }, 'temperature', '`temperature` must be between 0 and 2; got Infinity.'],
    [{ topP: 1.01 }, 'top_p', '`top_p` must be between 0 and 1; got 1.01.'],
    [{ topP: -Infinity }, 'top_p', '`top_p` must be between 0 and 1; got -Infinity.'],
    [{ minP: 1.01 }, 'min_p', '`min_p` must be between 0 and 1; got 1.01.'],
    [{ minP: -1 }, 'min_p', '`min_p` must be between 0 and 1; got -1.'],
    [{ presencePenalty: 2.1 }, 'presence_penalty', '`presence_penalty` must be between -2 and 2; got 2.1.'],
    [{ frequencyPenalty: -3 }, 'frequency_penalty', '`frequency_penalty` must be between -2 and 2; got -3.'],
    [
      { repetitionPenalty: 0 },
      'repetition_penalty',
      '`repetition_penalty` must be greater than 0 and at most 2; got 0.',
    ],
    [
      { repetitionPenalty: Number.NaN },
      'repetition_penalty',
      '`repetition_penalty` must be greater than 0 and at most 2; got NaN.',
    ],
    [
      { repetitionPenalty: 2.5 },
      'repetition_penalty',
      '`repetition_penalty` must be greater than 0 and at most 2; got 2.5.',
    ],
    [
      { logitBias: { 5: 1, 7: 100.5 } },
      'logit_bias[7]',
      '`logit_bias[7]` must be between -100 and 100; got 100.5.',
    ],
    [
      { logitBias: { 7: Number.NaN } },
      'logit_bias[7]',
      '`logit_bias[7]` must be between -100 and 100; got NaN.',
    ],
    [{ logitBias: biases(1025) }, 'logit_bias', '`logit_bias` must be at most 1024 entries; got 1025.'],
    [{ minTokens: 17 }, 'min_tokens', '`min_tokens` must be at most `max_tokens`, 16; got 17.'],
    [
      { stopTokenIds: [1, 2, 3, 4, 5] },
      'stop_token_ids',
      '`stop_token_ids` must be at most 4 token ids; got 5.',
    ],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop', '`stop` must be at most 4 strings; got 5.'],
    [{ stop: ['a', ''] }, 'stop', '`stop` must be strings of 1 to 256 bytes of UTF-8; got one of 0 bytes.'],
    [
      { stop: ['é'.repeat(129)] },
      'stop',
      '`stop` must be strings of 1 to 256 bytes of UTF-8; got one of 258 bytes.',
    ],
    [{ model: 'x'.repeat(257) }, 'model', '`model` must be at most 256 bytes of UTF-8; got 257 bytes.'],
  ] as [Partial<GenerateRequest>, string, string][])('refuses %o', (fields, field, message) => {
    expect(refusal(fields)).toMatchObject({ reason: 'INVALID_FIELD', field, message });
  });

  it.each<[string, GenerateRequest['input']]>([
    ['prompt', { $case: 'prompt', value: '' }],
    ['prompt_token_ids', { $case: 'promptTokenIds', value: { ids: [] } }],
  ])('refuses an empty %s, and says how to ask for none', (field, input) => {
    expect(refusal({ input })).toMatchObject({ field, message: expect.stringContaining('leave it unset') });
  });

  it('takes as many prompts and candidates as there may be, each with the name of its field', () => {
    const ids: Prompt = { input: { $case: 'tokenIds', value: { ids: [7] } } };
    expect(parse({ prompts: [...texts(1), ids] }).prompts).toEqual([
      { field: 'prompts[0].text', input: 'a' },
      { field: 'prompts[1].token_ids', input: [7] },
    ]);
    expect(parse({ prompts: texts(2048) }).prompts).toHaveLength(2048);
    expect(parse({ n: 128, prompts: texts(16) })).toMatchObject({ n: 128, bestOf: 128 });
    expect(parse({ n: 3, bestOf: 20, logprobs: 5 })).toMatchObject({ n: 3, bestOf: 20, logprobs: 5 });
  });

  it('accepts penalties, biases and stop tokens up to their limits', () => {
    const said = { minP: 1, presencePenalty: -2, frequencyPenalty: 2, repetitionPenalty: 2, ignoreEos: true };
    const { sampling } = parse({
      ...said,
      maxTokens: 9,
      minTokens: 9,
      stopTokenIds: [0, 1, 2, 4294967295],
      logitBias: { ...biases(1022), 2000: -100, 4294967295: 100 },
    });
    expect(sampling).toMatchObject({ ...said, minTokens: 9, stopTokenIds: [0, 1, 2, 4294967295] });
    expect(sampling.logitBias.size).toBe(1024);
    expect(sampling.logitBias.get(2000)).toBe(-100);
    expect(sampling.logitBias.get(4294967295)).toBe(100);
    expect(parse({ repetitionPenalty: 5e-324 }).sampling.repetitionPenalty).toBe(5e-324);
  });

  it('accepts stop strings up to their limits', () => {
    const stop = ['é'.repeat(128), 'a', 'b', 'c'];
    expect(parse({ stop }).stop).toEqual(stop);
  });

  it('names the field and tells the value in the metadata, whatever is out of range', () => {
    fc.assert(
      fc.property(fc.double(), (topP) => {
        if (topP >= 0 && topP <= 1) expect(parse({ topP }).sampling.topP).toBe(topP);
        else expect(refusal({ topP }).metadata).toMatchObject({ got: String(topP) });
      }),
    );
  });
});
