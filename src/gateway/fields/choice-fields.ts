import { z } from 'zod';
import { boolean, integer, optional } from './field-types.js';

const STREAM_OPTIONS = z.looseObject(
  {
    include_usage: optional(boolean(), {
      description:
        'Adds a chunk without choices at the end that tells the usage; every other chunk then has `usage: null`.',
      default: false,
    }),
    include_obfuscation: optional(boolean(), { description: 'Has no effect.' }),
  },
  'must be an object',
);

/** The fields that say which choices are made, and what is told of them. */
export const CHOICE_FIELDS = {
  n: optional(integer(1, 128), {
    description: 'Choices to make of each prompt. Choice `i` of prompt `p` has the index `p * n + i`.',
    default: 1,
  }),
  best_of: optional(integer(0, 20), {
    description:
      'Candidates to make of each prompt, at least `n`, of which the `n` with the greatest mean logprob per token become its choices, the best first. 0 stands for `n`. More than `n` can not be streamed.',
  }),
  echo: optional(boolean(), {
    description: 'Begins each choice with the prompt: its text and, where `logprobs` is set, its tokens.',
    default: false,
  }),
  logprobs: optional(integer(0, 5), {
    description:
      "Tells each token's log-probability under the model, and those of so many most probable tokens beside it.",
  }),
  return_token_ids: optional(boolean(), {
    description:
      "Tells the ids of each choice's tokens in `token_ids`, and of its prompt's in `prompt_token_ids`.",
    default: false,
  }),
  timings: optional(boolean(), {
    description: "Tells where each choice's time went in the engine, in its `timings`. An extension.",
    default: false,
  }),
  stream: optional(boolean(), {
    description: 'Answers with server-sent events, as the text comes.',
    default: false,
  }),
  stream_options: optional(STREAM_OPTIONS, { description: 'Only where `stream` is true.' }),
};
