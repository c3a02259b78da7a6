import { z } from 'zod';

const count = z.int().min(0);

/** OpenAI's object of log-probabilities. */
export const LOGPROBS = z
  .strictObject({
    tokens: z.array(z.string()).meta({
      description:
        'The tokens, each as a string that no other token has: its text, or `bytes:\\xe2\\x80` where its bytes are no whole characters.',
    }),
    token_logprobs: z.array(z.number().max(0).nullable()).meta({
      description: "Natural logarithms of the tokens' probabilities; null for a prompt's first token.",
    }),
    top_logprobs: z.array(z.record(z.string(), z.number().max(0)).nullable()).meta({
      description:
        'The most probable tokens at each place, and the token itself, with their log-probabilities.',
    }),
    text_offset: z.array(count).meta({
      description: "Where each token's text begins, in characters from the start of the prompt.",
    }),
  })
  .meta({ description: 'Four lists, each with one entry for each token.' });

/** What tokens' log-probabilities are. */
export type Logprobs = z.output<typeof LOGPROBS>;

/** What a request consumed. */
export const USAGE = z.strictObject({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: z.strictObject({
    cached_tokens: count.meta({ description: 'Tokens that were already computed for an earlier request.' }),
  }),
  completion_tokens_details: z.strictObject({
    accepted_prediction_tokens: count.meta({
      description: 'Tokens that were guessed from the text so far and turned out right.',
    }),
  }),
});

/** OpenAI's object of what was consumed. */
export type UsageObject = z.output<typeof USAGE>;

const ms = z.number().min(0);

/** Where a choice's time went. */
const TIMINGS = z.strictObject({
  queue_ms: ms.meta({ description: 'From arrival in the engine to the first step.' }),
  prefill_ms: ms.meta({ description: 'From the first step to the first token.' }),
  decode_ms: ms.meta({ description: 'From the first token to the last.' }),
});

const tokenIds = z.array(count);

const choice = {
  text: z.string(),
  index: count.meta({ description: 'Choice `i` of prompt `p` has the index `p * n + i`.' }),
  logprobs: LOGPROBS.nullable(),
  stop_reason: z.union([z.string(), count]).nullable().meta({
    description:
      'What ended it: the stop string that matched, the id of the token that was sampled, or null.',
  }),
  token_ids: tokenIds
    .optional()
    .meta({ description: 'Where `return_token_ids` is set: without the prompt.' }),
  prompt_token_ids: tokenIds.optional().meta({ description: 'Where `return_token_ids` is set.' }),
  timings: TIMINGS.optional().meta({
    description: 'Where `timings` is set, of a choice that has ended. Milliseconds.',
  }),
};
const finishReason = z.enum(['stop', 'length']);

const head = {
  id: z.string().regex(/^cmpl-/),
  object: z.literal('text_completion'),
  created: count.meta({ description: 'Seconds since the Unix epoch.' }),
  model: z.string(),
  system_fingerprint: z.string().meta({
    description: 'Names what the bits of the answer depend on, beside the request and its seed.',
  }),
};

/** The answer to a completion request that does not stream. */
export const COMPLETION = z.strictObject({
  ...head,
  choices: z.array(z.strictObject({ ...choice, finish_reason: finishReason })),
  usage: USAGE,
});

/** A whole completion. */
export type Completion = z.output<typeof COMPLETION>;

/** One choice of a whole completion. */
export type CompletionChoice = Completion['choices'][number];

/** The data of one event of a stream. */
export const COMPLETION_CHUNK = z.strictObject({
  ...head,
  choices: z.array(
    z.strictObject({
      ...choice,
      finish_reason: finishReason.nullable(),
      stop_reason: choice.stop_reason.optional(),
    }),
  ),
  usage: USAGE.nullable().optional(),
});

/** A part of a completion. */
export type CompletionChunk = z.output<typeof COMPLETION_CHUNK>;
