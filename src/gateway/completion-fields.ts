import { z } from 'zod';
import type { GenerateRequest } from '../contract/gen/linnet/v1/completion.js';

// Each message completes "`field` ..."; the parser puts the field's name before it and the value after it.

const UINT32_MAX = 2 ** 32 - 1;
const MAX_STOP_BYTES = 256;
const PROMPT = 'must be a string or a list of token ids, not empty, or a list of one of these';
const TOKEN_ID = `must be a token id: an integer from 0 to ${UINT32_MAX}`;
const SEVERAL_PROMPTS =
  'must hold one prompt, since this service does not complete several in one request yet';
const REPETITION_PENALTY = 'must be a number greater than 0 and at most 2';
const MAX_BIASES = 1024;
const MAX_BIAS = 100;
const LOGIT_BIAS = `must be an object of token ids, each with a number from -${MAX_BIAS} to ${MAX_BIAS}`;
const BIAS = `must be a number from -${MAX_BIAS} to ${MAX_BIAS}`;
const BIASED_TOKEN = `must have token ids as keys, integers from 0 to ${UINT32_MAX}`;
const STOP_TOKENS = 'must be a list of at most 4 token ids';
const SURROGATE = 'must be well-formed Unicode, without lone surrogates';
const STOP = 'must be a string or a list of 1 to 4 strings';
const STOP_BYTES = `must be a string of 1 to ${MAX_STOP_BYTES} bytes`;
const SEED =
  'must be an integer of 64 bits, as a string of digits where it is beyond 9007199254740991, ' +
  'which JSON numbers can not hold exactly';

/** Makes a field that may be left out, or null: either is undefined from here on. */
const nullable = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value) => value ?? undefined);

const integer = (min: number, max = UINT32_MAX) => {
  const message = `must be an integer from ${min} to ${max}`;
  return nullable(z.int(message).min(min, message).max(max, message));
};

const number = (min: number, max: number) => {
  const message = `must be a number from ${min} to ${max}`;
  return nullable(z.number(message).min(min, message).max(max, message));
};

const boolean = nullable(z.boolean('must be true or false'));

const string = nullable(z.string('must be a string'));

/** A field of the contract of which the service knows only the value that changes nothing. */
const neutral = <T extends number | boolean | string>(value: T) =>
  z.literal(value, `must be ${JSON.stringify(value)}, since this service does not support it yet`).nullish();

// One pass by hand, which stops at the first wrong id: a prompt may hold half a million.
const prompt = z.unknown().transform((value, context): NonNullable<GenerateRequest['input']> => {
  const one = Array.isArray(value) && value.length === 1 && typeof value[0] !== 'number' ? value[0] : value;
  const problem = typeof one === 'string' ? textProblem(one) : tokenIdsProblem(one);
  if (problem !== undefined) {
    context.addIssue({ code: 'custom', input: value, ...problem });
    return z.NEVER;
  }
  if (typeof one === 'string') return { $case: 'prompt', value: one };
  return { $case: 'promptTokenIds', value: { ids: one as number[] } };
});

// One pass by hand here too: its keys are ids, and are named as a list's places are.
const logitBias = z.unknown().transform((value, context): GenerateRequest['logitBias'] => {
  const problem = logitBiasProblem(value);
  if (problem === undefined) return value as GenerateRequest['logitBias'];
  context.addIssue({ code: 'custom', input: value, ...problem });
  return z.NEVER;
});

interface Problem {
  readonly message: string;
  readonly path?: number[];
}

function logitBiasProblem(value: unknown): Problem | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { message: LOGIT_BIAS };
  const entries = Object.entries(value);
  if (entries.length > MAX_BIASES) {
    return { message: `must have at most ${MAX_BIASES} entries, not ${entries.length}` };
  }
  for (const [id, bias] of entries) {
    if (!isTokenId(id)) return { message: `${BIASED_TOKEN}, not ${JSON.stringify(id.slice(0, 32))}` };
    if (!(Math.abs(bias) <= MAX_BIAS && typeof bias === 'number'))
      return { message: BIAS, path: [Number(id)] };
  }
  return undefined;
}

function isTokenId(text: string): boolean {
  return /^(0|[1-9]\d{0,9})$/.test(text) && Number(text) <= UINT32_MAX;
}

function textProblem(text: string): Problem | undefined {
  if (text === '') return { message: PROMPT };
  return hasLoneSurrogate(text) ? { message: SURROGATE } : undefined;
}

function tokenIdsProblem(value: unknown): Problem | undefined {
  if (!Array.isArray(value) || value.length === 0) return { message: PROMPT };
  if (typeof value[0] === 'string' || Array.isArray(value[0])) return { message: SEVERAL_PROMPTS };
  const index = value.findIndex((id) => !Number.isInteger(id) || id < 0 || id > UINT32_MAX);
  return index === -1 ? undefined : { message: TOKEN_ID, path: [index] };
}

const stopString = z
  .string(STOP_BYTES)
  .min(1, STOP_BYTES)
  .refine((text) => Buffer.byteLength(text) <= MAX_STOP_BYTES, STOP_BYTES)
  .refine((text) => !hasLoneSurrogate(text), SURROGATE);

// The list's length is checked before its elements, so that a long list costs nothing.
const stopList = z.array(z.unknown(), STOP).min(1, STOP).max(4, STOP).pipe(z.array(stopString));

const stop = z.union([stopString.transform((text) => [text]), stopList], STOP);

const tokenId = z.int(TOKEN_ID).min(0, TOKEN_ID).max(UINT32_MAX, TOKEN_ID);
const stopTokenIds = z.array(z.unknown(), STOP_TOKENS).max(4, STOP_TOKENS).pipe(z.array(tokenId));

const DIGITS = /^-?\d{1,19}$/;

const seed = z
  .union([z.int(SEED).transform(BigInt), z.string(SEED).regex(DIGITS, SEED).transform(BigInt)], SEED)
  .refine((value) => BigInt.asIntN(64, value) === value, SEED);

const streamOptions = z.looseObject(
  { include_usage: boolean, include_obfuscation: boolean },
  'must be an object',
);

/** The fields of a completion request that the service knows, each with its range. */
export const COMPLETION_FIELDS = z.object(
  {
    model: string,
    prompt: nullable(prompt),
    max_tokens: integer(1),
    temperature: number(0, 2),
    top_p: number(0, 1),
    top_k: integer(0),
    min_p: number(0, 1),
    presence_penalty: number(-2, 2),
    frequency_penalty: number(-2, 2),
    repetition_penalty: nullable(
      z.number(REPETITION_PENALTY).gt(0, REPETITION_PENALTY).max(2, REPETITION_PENALTY),
    ),
    logit_bias: nullable(logitBias),
    seed: nullable(seed),
    stop: nullable(stop),
    stop_token_ids: nullable(stopTokenIds),
    ignore_eos: boolean,
    min_tokens: integer(0),
    stream: boolean,
    stream_options: nullable(streamOptions),
    timeout_ms: integer(1, 86_400_000),
    user: string,
    n: neutral(1),
    best_of: neutral(1),
    echo: neutral(false),
    suffix: neutral(''),
    logprobs: z.null('must be null, since this service does not support it yet').optional(),
  },
  'must be a JSON object',
);

function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}
