import type { GenerateRequest as WireRequest } from '../contract/gen/linnet/v1/completion.js';
import type { GenerateRequest } from '../engine/index.js';
import { EngineError } from '../engine/index.js';
import { invalidField } from './invalid-field.js';
import { parseModelId } from './model-id.js';
import { parseSampling } from './sampling-fields.js';

/** The document separator `<|endoftext|>`: what an absent prompt stands for. */
const END_OF_TEXT = 50256;
const MAX_STOPS = 4;
const MAX_STOP_BYTES = 256;
const CANCEL_KEY = /^[\w.-]{16,128}$/;

/** A request to generate, as it came over the wire and was found acceptable. */
export interface ParsedGenerateRequest {
  /** For the engine. */
  readonly request: GenerateRequest;
  /** With which `Cancel` can end it, if any. */
  readonly cancelKey: string | undefined;
}

/**
 * Parses a request, so that nothing below it has to check again. Defaults and ranges are those of the proto's
 * comments; what only a model knows (its vocabulary, its context) the engine checks.
 *
 * @throws EngineError INVALID_FIELD, naming the field.
 */
export function parseGenerateRequest(wire: WireRequest): ParsedGenerateRequest {
  const maxTokens = parseMaxTokens(wire.maxTokens ?? 16);
  const request = {
    model: parseModelId('model', wire.model),
    prompt: parsePrompt(wire.input),
    maxTokens,
    sampling: parseSampling(wire, maxTokens),
    stop: parseStop(wire.stop),
  };
  const cancelKey = wire.cancelKey === undefined ? undefined : parseCancelKey(wire.cancelKey);
  return { request, cancelKey };
}

/**
 * Parses a cancel key.
 *
 * @throws EngineError INVALID_FIELD. The key is a secret, so the error does not repeat it.
 */
export function parseCancelKey(key: string): string {
  if (CANCEL_KEY.test(key)) return key;
  const mustBe = '16 to 128 characters of `A-Z a-z 0-9 _ . -`';
  throw invalidField({ field: 'cancel_key', mustBe, got: `${key.length} characters` });
}

function parsePrompt(input: WireRequest['input']): string | readonly number[] {
  if (input === undefined) return [END_OF_TEXT];
  const [field, prompt] =
    input.$case === 'prompt' ? ['prompt', input.value] : ['prompt_token_ids', input.value.ids];
  if (prompt.length > 0) return prompt;
  const text = `\`${field}\` must not be empty; leave it unset to begin a new document.`;
  throw new EngineError('INVALID_FIELD', text, { field });
}

function parseMaxTokens(maxTokens: number): number {
  if (maxTokens >= 1) return maxTokens;
  throw invalidField({ field: 'max_tokens', mustBe: 'at least 1', got: maxTokens });
}

function parseStop(stop: readonly string[]): readonly string[] {
  if (stop.length > MAX_STOPS) {
    throw invalidField({ field: 'stop', mustBe: `at most ${MAX_STOPS} strings`, got: stop.length });
  }
  for (const text of stop) {
    const bytes = Buffer.byteLength(text);
    if (bytes >= 1 && bytes <= MAX_STOP_BYTES) continue;
    const mustBe = `strings of 1 to ${MAX_STOP_BYTES} bytes of UTF-8`;
    throw invalidField({ field: 'stop', mustBe, got: `one of ${bytes} bytes` });
  }
  return stop;
}
