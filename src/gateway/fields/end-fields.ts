import { z } from 'zod';
import {
  boolean,
  hasLoneSurrogate,
  integer,
  optional,
  SURROGATE,
  TOKEN_ID,
  TOKEN_ID_SCHEMA,
  UINT32_MAX,
} from './field-types.js';

const MAX_STOPS = 4;
const MAX_STOP_BYTES = 256;
const STOP = `must be a string or a list of 1 to ${MAX_STOPS} strings`;
const STOP_BYTES = `must be a string of 1 to ${MAX_STOP_BYTES} bytes`;
const STOP_TOKENS = `must be a list of at most ${MAX_STOPS} token ids`;

const stopString = z
  .string(STOP_BYTES)
  .min(1, STOP_BYTES)
  .max(MAX_STOP_BYTES, STOP_BYTES)
  .refine((text) => Buffer.byteLength(text) <= MAX_STOP_BYTES, STOP_BYTES)
  .refine((text) => !hasLoneSurrogate(text), SURROGATE);

// A list's length is checked before its elements, so that a long list costs nothing.
const stopList = z
  .array(z.unknown(), STOP)
  .min(1, STOP)
  .max(MAX_STOPS, STOP)
  .meta({ items: { type: 'string', minLength: 1, maxLength: MAX_STOP_BYTES } })
  .pipe(z.array(stopString));

const stop = z.union([stopString.transform((text) => [text]), stopList], STOP);

const stopTokenIds = z
  .array(z.unknown(), STOP_TOKENS)
  .max(MAX_STOPS, STOP_TOKENS)
  .meta({ items: TOKEN_ID_SCHEMA })
  .pipe(z.array(z.int(TOKEN_ID).min(0, TOKEN_ID).max(UINT32_MAX, TOKEN_ID)));

/** The fields that say when a completion ends. */
export const END_FIELDS = {
  max_tokens: optional(integer(0), {
    description:
      "The most tokens to generate for each choice. Prompt and completion together must fit the model's context. 0 generates none, which with `echo` and `logprobs` scores the prompt.",
    default: 16,
  }),
  min_tokens: optional(integer(0), {
    description:
      'The least tokens to generate, at most `max_tokens`; until then nothing ends the completion.',
    default: 0,
  }),
  stop: optional(stop, {
    description:
      'Ends the completion as soon as its text contains one of these; the text then ends before it. Each of 1 to 256 bytes.',
  }),
  stop_token_ids: optional(stopTokenIds, {
    description: 'Ends the completion when one of these tokens is sampled; the text then ends before it.',
  }),
  ignore_eos: optional(boolean(), {
    description: 'Goes on where the model ends the text by itself.',
    default: false,
  }),
  include_stop_str_in_output: optional(boolean(), {
    description: 'Leaves the stop string that matched, or the stop token, at the end of the text.',
    default: false,
  }),
};
