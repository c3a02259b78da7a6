import type { ScoreRequest as WireRequest } from '../../contract/gen/linnet/v1/completion.js';
import type { ScoreRequest } from '../../engine/index.js';
import { parseLogprobs } from './choice-fields.js';
import { invalidField } from './invalid-field.js';
import { parseModelId } from './model-id.js';
import { newDocument, parseText, parseTexts } from './prompt-fields.js';

/**
 * Parses a request to score, as `parseGenerateRequest` does one to generate.
 *
 * @throws EngineError INVALID_FIELD, naming the field.
 */
export function parseScoreRequest(wire: WireRequest): ScoreRequest {
  const { model, context, continuations, logprobs = 0 } = wire;
  if (continuations.length === 0) {
    throw invalidField({ field: 'continuations', mustBe: 'at least one text', got: 0 });
  }
  return {
    model: parseModelId('model', model),
    context: context === undefined ? newDocument('context') : parseText('context', context),
    continuations: parseTexts('continuations', continuations),
    logprobs: parseLogprobs(logprobs),
  };
}
