import { z } from 'zod';
import { CHOICE_FIELDS } from '../fields/choice-fields.js';
import { END_FIELDS } from '../fields/end-fields.js';
import { integer, optional, string } from '../fields/field-types.js';
import { prompts } from '../fields/prompt-fields.js';
import { SAMPLING_FIELDS } from '../fields/sampling-fields.js';

const SUFFIX = 'must be left out, or empty, since GPT-2 can not complete the middle of a text';

/** Names the model that is asked; of use in every request. */
export const MODEL_FIELD = optional(string(), {
  description: 'The id of the model, as `GET /v1/models` lists it. Without one, the default model.',
});

/** How long a request may take. */
export const TIMEOUT_FIELD = optional(integer(1, 86_400_000), {
  description: 'How long the answer may take, in milliseconds; then the request ends with 504. An extension.',
});

/** The fields of a completion request, each with its range. */
export const COMPLETION_FIELDS = z.object(
  {
    model: MODEL_FIELD,
    prompt: optional(prompts(), {
      description:
        'What to continue: a text, its token ids, or a list of such, each completed by itself. Without one, the beginning of a new document, `<|endoftext|>`.',
    }),
    ...END_FIELDS,
    ...CHOICE_FIELDS,
    ...SAMPLING_FIELDS,
    suffix: optional(z.literal('', SUFFIX), { description: 'Not supported: GPT-2 has no infill.' }),
    timeout_ms: TIMEOUT_FIELD,
    user: optional(string(), { description: 'Names the end user. Has no effect.' }),
  },
  'must be a JSON object',
);
