import { z } from 'zod';

const count = z.int().min(0);

/** The answer to a tokenize request: vLLM's. */
export const TOKENIZED = z.strictObject({
  count: count.meta({ description: 'How many tokens there are.' }),
  max_model_len: z.int().min(1).nullable().meta({
    description: 'The most tokens of prompt and completion together; null until the model is known.',
  }),
  tokens: z.array(count).meta({ description: 'The token ids.' }),
  token_strs: z.array(z.string()).nullable().meta({
    description: 'How each token reads, as in `Logprobs.tokens`; null unless asked for.',
  }),
  text_offset: z.array(count).nullable().meta({
    description: 'Where each token begins, in characters of the text; null unless asked for.',
  }),
});

/** A text as tokens. */
export type Tokenized = z.output<typeof TOKENIZED>;

/** The answer to a detokenize request: vLLM's. */
export const DETOKENIZED = z.strictObject({
  prompt: z.string().meta({ description: 'The text; bytes that are no characters appear as U+FFFD.' }),
});

/** Tokens as text. */
export type Detokenized = z.output<typeof DETOKENIZED>;
