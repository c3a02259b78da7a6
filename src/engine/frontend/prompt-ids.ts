import type { GenerateRequest, ModelShape } from '../engine.js';
import { EngineError } from '../engine-error.js';
import type { Tokenizer } from './tokenizer.js';

/**
 * Turns a request's prompt into token ids that fit the model, with room for the completion.
 *
 * @throws EngineError INVALID_FIELD for an empty prompt, CONTEXT_LENGTH_EXCEEDED.
 */
export function toPromptIds(request: GenerateRequest, shape: ModelShape, tokenizer: Tokenizer): Int32Array {
  const ids = typeof request.prompt === 'string' ? encode(request, shape, tokenizer) : request.prompt;
  if (ids.length === 0)
    throw new EngineError('INVALID_FIELD', '`prompt` must not be empty.', { field: 'prompt' });
  if (ids.length + request.maxTokens > shape.contextLength) throw tooLong(ids.length, request, shape);
  return Int32Array.from(ids);
}

function encode(request: GenerateRequest, shape: ModelShape, tokenizer: Tokenizer): readonly number[] {
  const encoded = tokenizer.encode(request.prompt as string, shape.contextLength);
  if (encoded.tooLong) throw tooLong(encoded.atLeast, request, shape);
  return encoded.ids;
}

/** The wording is OpenAI's own: clients search for it. */
function tooLong(
  promptTokens: number,
  { maxTokens }: GenerateRequest,
  { contextLength }: ModelShape,
): EngineError {
  const total = promptTokens + maxTokens;
  return new EngineError(
    'CONTEXT_LENGTH_EXCEEDED',
    `This model's maximum context length is ${contextLength} tokens. However, you requested ${total} tokens ` +
      `(${promptTokens} in the prompt, ${maxTokens} in the completion). ` +
      'Please reduce the length of the prompt or completion.',
    {
      field: promptTokens >= contextLength ? 'prompt' : 'max_tokens',
      metadata: {
        contextLength: String(contextLength),
        promptTokens: String(promptTokens),
        maxTokens: String(maxTokens),
      },
    },
  );
}
