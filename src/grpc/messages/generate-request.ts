import type { GenerateRequest as WireRequest } from '../../contract/gen/linnet/v1/completion.js';
import type { GenerateRequest } from '../../engine/index.js';
import { parseCancelKey } from './cancel-key.js';
import { parseChoiceCounts, parseLogprobs } from './choice-fields.js';
import { invalidField } from './invalid-field.js';
import { parseModelId } from './model-id.js';
import { parsePrompts } from './prompt-fields.js';
import { parseSampling } from './sampling-fields.js';

const MAX_STOPS = 4;
const MAX_STOP_BYTES = 256;

/** A request to generate, as it came over the wire and was found acceptable. */
export interface ParsedGenerateRequest {
  /** For the engine. */
  readonly request: GenerateRequest;
  /** With which `Cancel` can end it, if any. */
  readonly cancelKey: string | undefined;
  /** Whether the caller is told the prompts' tokens. */
  readonly returnPromptTokenIds: boolean;
}

/**
 * Parses a request, so that nothing below it has to check again. Defaults and ranges are those of the proto's
 * comments; what only a model knows (its vocabulary, its context) the engine checks.
 *
 * @throws EngineError INVALID_FIELD, naming the field.
 */
export function parseGenerateRequest(wire: WireRequest): ParsedGenerateRequest {
  const { maxTokens = 16, logprobs } = wire;
  const prompts = parsePrompts(wire);
  const request = {
    model: parseModelId('model', wire.model),
    prompts,
    ...parseChoiceCounts(wire, prompts.length),
    maxTokens,
    sampling: parseSampling(wire, maxTokens),
    stop: parseStop(wire.stop),
    includeStop: wire.includeStopStrInOutput ?? false,
    echo: wire.echo ?? false,
    logprobs: logprobs === undefined ? undefined : parseLogprobs(logprobs),
  };
  const cancelKey = wire.cancelKey === undefined ? undefined : parseCancelKey(wire.cancelKey);
  return { request, cancelKey, returnPromptTokenIds: wire.returnPromptTokenIds ?? false };
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
