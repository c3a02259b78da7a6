import { z } from 'zod';
import { ERROR_CATALOGUE } from '../../contract/error-catalogue.js';
import type { ErrorKind } from './gateway-error.js';
import { REQUEST_ERROR_CATALOGUE } from './request-error-catalogue.js';

const KINDS: readonly ErrorKind[] = [
  ...Object.values(ERROR_CATALOGUE),
  ...Object.values(REQUEST_ERROR_CATALOGUE),
];
const count = z.int().min(0).optional();

/** Tells what went wrong. */
export const ERROR = z
  .strictObject({
    error: z.strictObject({
      message: z.string().meta({ description: 'For people: the cause, and what to do about it.' }),
      type: z.enum([...new Set(KINDS.map(({ type }) => type))]),
      param: z.string().nullable().meta({ description: 'The field of the request at fault.' }),
      code: z.enum([...new Set(KINDS.map(({ openaiCode }) => openaiCode))]),
      n_prompt_tokens: count.meta({ description: 'Tokens of the prompt, where that is too long.' }),
      n_ctx: count.meta({ description: "The model's context length, where that is exceeded." }),
      max_tokens: count.meta({ description: 'The tokens asked for, where those are too many.' }),
      completion_tokens: count.meta({ description: 'Tokens generated until the deadline passed.' }),
      phase: z.string().optional().meta({
        description:
          'What was going on at the deadline: `queue`, `prefill`, `decode`; or `refused`, at once.',
      }),
      partial_text: z.string().optional().meta({
        description: 'The text that there was at the deadline, of a request for one choice.',
      }),
      partial_texts: z.array(z.string()).optional().meta({
        description: 'The texts that there were at the deadline, one for each of several choices, in order.',
      }),
      waiting_requests: count.meta({ description: 'How many requests wait, where those are too many.' }),
    }),
  })
  .meta({
    description:
      "OpenAI's error object. A stream that fails after its beginning ends with one as its last event.",
  });
