import { z } from 'zod';
import { MODEL_FIELD } from '../completions/completion-fields.js';
import {
  boolean,
  findBadTokenId,
  hasLoneSurrogate,
  optional,
  type Parsed,
  parsedBy,
  SURROGATE,
  string,
  TOKEN_ID,
  TOKEN_ID_SCHEMA,
} from '../fields/field-types.js';

/** The fields of a tokenize request: vLLM's. */
export const TOKENIZE_FIELDS = z.object(
  {
    model: MODEL_FIELD,
    prompt: string()
      .refine((text) => !hasLoneSurrogate(text), SURROGATE)
      .meta({ description: 'The text. `<|endoftext|>` inside it is the document separator.' }),
    return_token_strs: optional(boolean(), {
      description: 'Tells in `token_strs` how each token reads, and in `text_offset` where it begins.',
      default: false,
    }),
    add_special_tokens: optional(boolean(), { description: 'Has no effect: GPT-2 has none to add.' }),
  },
  'must be a JSON object',
);

/** The fields of a detokenize request: vLLM's. */
export const DETOKENIZE_FIELDS = z.object(
  {
    model: MODEL_FIELD,
    tokens: parsedBy(parseTokens, { type: 'array', items: TOKEN_ID_SCHEMA }).meta({
      description: 'The token ids.',
    }),
  },
  'must be a JSON object',
);

// One pass by hand, which stops at the first wrong id: there may be half a million.
function parseTokens(value: unknown): Parsed<number[]> {
  if (!Array.isArray(value)) return { problem: { message: 'must be a list of token ids' } };
  const index = findBadTokenId(value);
  return index === -1 ? { parsed: value } : { problem: { message: TOKEN_ID, path: [index] } };
}
