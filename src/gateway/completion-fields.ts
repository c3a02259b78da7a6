import { z } from 'zod';
import type { GenerateRequest } from '../contract/gen/linnet/v1/completion.js';

// Each message completes "`field` ..."; the parser puts the field's name before it and the value after it.

const UINT32_MAX = 2 ** 32 - 1;
const MAX_STOP_BYTES = 256;
const PROMPT = 'must be a string or a list of token ids, not empty, or a list of one of these';
const TOKEN_ID = `must be a token id: an integer from 0 to ${UINT32_MAX}`;
const SEVERAL_PROMPTS =
  'must hold one prompt, since this service does not complete several in one request yet';
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

interface Problem {
  readonly message: string;
  readonly path?: number[];
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
    seed: nullable(seed),
    stop: nullable(stop),
    stream: boolean,
    stream_options: nullable(streamOptions),
    timeout_ms: integer(1, 86_400_000),
    user: string,
    n: neutral(1),
    best_of: neutral(1),
    echo: neutral(false),
    suffix: neutral(''),
    frequency_penalty: neutral(0),
    presence_penalty: neutral(0),
    logprobs: z.null('must be null, since this service does not support it yet').optional(),
    logit_bias: z.strictObject({}, 'must be empty, since this service does not support it yet').nullish(),
  },
  'must be a JSON object',
);

function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}
