import { z } from 'zod';
import { LOGPROBS, USAGE } from '../completions/completion-schemas.js';

const count = z.int().min(0);

/** The answer to a score request. */
export const SCORES = z.strictObject({
  id: z.string().regex(/^score-/),
  object: z.literal('list'),
  created: count.meta({ description: 'Seconds since the Unix epoch.' }),
  model: z.string(),
  system_fingerprint: z.string(),
  data: z
    .array(
      z.strictObject({
        index: count.meta({ description: "The continuation's place in the request." }),
        object: z.literal('score'),
        score: z.number().max(0).meta({ description: "The sum of the tokens' log-probabilities." }),
        perplexity: z.number().min(1).meta({
          description: "e to the power of minus the mean of the tokens' log-probabilities.",
        }),
        is_greedy: z.boolean().meta({ description: 'Whether each token was the most probable one.' }),
        token_ids: z.array(count),
        token_ranks: z.array(z.int().min(1)).meta({
          description: 'How many tokens were at least as probable: 1 for the most probable one.',
        }),
        logprobs: LOGPROBS.meta({ description: '`text_offset` counts from the start of the continuation.' }),
      }),
    )
    .meta({ description: 'One for each continuation, in order.' }),
  usage: USAGE,
});

/** How probable each continuation is. */
export type Scores = z.output<typeof SCORES>;
