import { z } from 'zod';
import type { GenerateRequest } from '../../contract/gen/linnet/v1/completion.js';
import { integer, number, optional, type Parsed, parsedBy, UINT32_MAX } from './field-types.js';

const REPETITION_PENALTY = 'must be a number greater than 0 and at most 2';
const MAX_BIASES = 1024;
const MAX_BIAS = 100;
const BIAS = `must be a number from -${MAX_BIAS} to ${MAX_BIAS}`;
const BIASES = `must be an object of token ids, each with a number from -${MAX_BIAS} to ${MAX_BIAS}`;
const BIASED_TOKEN = `must have token ids as keys, integers from 0 to ${UINT32_MAX}`;
const TOKEN_ID_TEXT = /^(0|[1-9]\d{0,9})$/;
const SEED_TEXT = /^-?\d{1,19}$/;
const SEED =
  'must be an integer of 64 bits, as a string of digits where it is beyond 9007199254740991, ' +
  'which JSON numbers can not hold exactly';

const repetitionPenalty = z.number(REPETITION_PENALTY).gt(0, REPETITION_PENALTY).max(2, REPETITION_PENALTY);

const logitBias = parsedBy(parseLogitBias, {
  type: 'object',
  propertyNames: { pattern: TOKEN_ID_TEXT.source },
  additionalProperties: { type: 'number', minimum: -MAX_BIAS, maximum: MAX_BIAS },
  maxProperties: MAX_BIASES,
});

const seed = z
  .union([z.int(SEED).transform(BigInt), z.string(SEED).regex(SEED_TEXT, SEED).transform(BigInt)], SEED)
  .refine((value) => BigInt.asIntN(64, value) === value, SEED);

/** The fields that say how tokens are chosen. */
export const SAMPLING_FIELDS = {
  temperature: optional(number(0, 2), {
    description: 'Divides the logits before sampling. 0 is greedy: always the most probable token.',
    default: 1,
  }),
  top_p: optional(number(0, 1), {
    description:
      'Samples among the most probable tokens whose probabilities sum to at least this. 1 keeps all; 0 keeps only the most probable.',
    default: 1,
  }),
  top_k: optional(integer(0), {
    description: 'Samples among this many most probable tokens; 0 keeps all.',
    default: 0,
  }),
  min_p: optional(number(0, 1), {
    description: 'Drops the tokens whose probability is less than this times the greatest.',
    default: 0,
  }),
  presence_penalty: optional(number(-2, 2), {
    description: 'Subtracted from the logit of each token that has been generated, once.',
    default: 0,
  }),
  frequency_penalty: optional(number(-2, 2), {
    description: 'Subtracted from the logit of each token as often as it has been generated.',
    default: 0,
  }),
  repetition_penalty: optional(repetitionPenalty, {
    description: 'Makes each token of the prompt or the completion so far less probable; below 1, more.',
    default: 1,
  }),
  logit_bias: optional(logitBias, {
    description:
      'Added to the logits of these tokens: token ids with numbers. -100 all but bans a token, 100 all but forces it.',
  }),
  seed: optional(seed, {
    description:
      'Makes sampling repeatable. 64 bits: a number up to 2^53 - 1, a string of digits beyond it. Without one, the service draws one.',
  }),
};

// One pass by hand: its keys are ids, and are named as a list's places are.
function parseLogitBias(value: unknown): Parsed<GenerateRequest['logitBias']> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problem: { message: BIASES } };
  }
  const entries = Object.entries(value);
  if (entries.length > MAX_BIASES) {
    return { problem: { message: `must have at most ${MAX_BIASES} entries, not ${entries.length}` } };
  }
  for (const [id, bias] of entries) {
    if (!isTokenId(id)) {
      return { problem: { message: `${BIASED_TOKEN}, not ${JSON.stringify(id.slice(0, 32))}` } };
    }
    if (!(typeof bias === 'number' && Math.abs(bias) <= MAX_BIAS)) {
      return { problem: { message: BIAS, path: [Number(id)] } };
    }
  }
  return { parsed: value as GenerateRequest['logitBias'] };
}

function isTokenId(text: string): boolean {
  return TOKEN_ID_TEXT.test(text) && Number(text) <= UINT32_MAX;
}
