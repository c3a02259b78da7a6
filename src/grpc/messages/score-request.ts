import type { ScoreRequest as WireRequest } from '../../contract/gen/linnet/v1/completion.js';
import type { ScoreRequest } from '../../engine/index.js';
import { parseCancelKey } from './cancel-key.js';
import { parseLogprobs } from './choice-fields.js';
import { invalidField } from './invalid-field.js';
import { parseModelId } from './model-id.js';
import { newDocument, parseText, parseTexts } from './prompt-fields.js';

/** A request to score, as it came over the wire and was found acceptable. */
export interface ParsedScoreRequest {
  /** For the engine. */
  readonly request: ScoreRequest;
  /** With which `Cancel` can end it, if any. */
  readonly cancelKey: string | undefined;
}

/**
 * Parses a request to score, as `parseGenerateRequest` does one to generate.
 *
 * @throws EngineError INVALID_FIELD, naming the field.
 */
export function parseScoreRequest(wire: WireRequest): ParsedScoreRequest {
  const { model, context, continuations, logprobs = 0, cancelKey } = wire;
  if (continuations.length === 0) {
    throw invalidField({ field: 'continuations', mustBe: 'at least one text', got: 0 });
  }
  const request = {
    model: parseModelId('model', model),
    context: context === undefined ? newDocument('context') : parseText('context', context),
    continuations: parseTexts('continuations', continuations),
    logprobs: parseLogprobs(logprobs),
  };
  return { request, cancelKey: cancelKey === undefined ? undefined : parseCancelKey(cancelKey) };
}
