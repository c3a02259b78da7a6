import { z } from 'zod';
import { MODEL_FIELD, TIMEOUT_FIELD } from '../completions/completion-fields.js';
import { integer, optional } from '../fields/field-types.js';
import { prompt, prompts } from '../fields/prompt-fields.js';

/** The fields of a score request, each with its range. */
export const SCORE_FIELDS = z.object(
  {
    model: MODEL_FIELD,
    context: optional(prompt(), {
      description:
        'What the texts continue: a text or its token ids. Without one, the beginning of a new document, `<|endoftext|>`.',
    }),
    continuations: prompts().meta({
      description:
        'A text, its token ids, or a list of such, each scored by itself. The context is computed once for all of them. Text is tokenized by itself, not together with the context.',
    }),
    logprobs: optional(integer(0, 5), {
      description: 'So many most probable tokens are told beside each token.',
      default: 0,
    }),
    timeout_ms: TIMEOUT_FIELD,
  },
  'must be a JSON object',
);
