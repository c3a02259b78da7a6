import { ERROR_CATALOGUE } from '../contract/error-catalogue.js';
import type { GenerateRequest } from '../contract/gen/linnet/v1/completion.js';
import { COMPLETION_FIELDS } from './completion-fields.js';
import { GatewayError } from './gateway-error.js';

/** A completion request of the HTTP API, checked. */
export interface CompletionRequest {
  /** What the engine is asked. */
  readonly generate: GenerateRequest;
  /** Whether the answer is a stream of server-sent events. */
  readonly stream: boolean;
  /** Whether the stream ends with a chunk that carries the usage. */
  readonly includeUsage: boolean;
  /** How long the completion may take. Milliseconds; undefined for as long as it needs. */
  readonly timeoutMs: number | undefined;
  /** Names of fields that mean nothing here, at most 16, fit for a header. */
  readonly ignoredFields: readonly string[];
}

const DEFAULT_MAX_TOKENS = 16;
const MAX_IGNORED_FIELDS = 16;

/**
 * Parses the body of a completion request. Null means the default in every field; unknown fields are ignored.
 *
 * @throws GatewayError 400 that names the field in `param`; null where it is the body as a whole.
 */
export function parseCompletionRequest(body: unknown): CompletionRequest {
  const parsed = COMPLETION_FIELDS.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalidField(body, issue?.path ?? [], issue?.message ?? 'must be valid');
  }
  const fields = parsed.data;
  const { stream_options: streamOptions } = fields;
  if (streamOptions && fields.stream !== true) {
    throw invalidField(body, ['stream_options'], 'must be left out unless `stream` is true');
  }
  return {
    generate: {
      model: fields.model ?? '',
      input: fields.prompt,
      maxTokens: fields.max_tokens ?? DEFAULT_MAX_TOKENS,
      temperature: fields.temperature,
      topP: fields.top_p,
      topK: fields.top_k,
      seed: fields.seed,
      minP: fields.min_p,
      presencePenalty: fields.presence_penalty,
      frequencyPenalty: fields.frequency_penalty,
      repetitionPenalty: fields.repetition_penalty,
      logitBias: fields.logit_bias ?? {},
      stop: fields.stop ?? [],
      stopTokenIds: fields.stop_token_ids ?? [],
      ignoreEos: fields.ignore_eos,
      minTokens: fields.min_tokens,
      prompts: [],
    },
    stream: fields.stream ?? false,
    includeUsage: streamOptions?.include_usage ?? false,
    timeoutMs: fields.timeout_ms,
    ignoredFields: ignoredFields(body),
  };
}

function invalidField(body: unknown, path: readonly PropertyKey[], message: string): GatewayError {
  const value = path.reduce<unknown>((parent, key) => (parent as Record<PropertyKey, unknown>)?.[key], body);
  const names = path.filter((key) => typeof key === 'string');
  const index = path.filter((key) => typeof key === 'number').map((key) => `[${key}]`);
  const subject = names.length === 0 ? 'The body' : `\`${names.join('.')}${index.join('')}\``;
  return new GatewayError(ERROR_CATALOGUE.INVALID_FIELD, `${subject} ${message}; got ${describe(value)}.`, {
    param: names.length === 0 ? undefined : names.join('.'),
  });
}

/** Says what a value is without saying much of it: prompts are long, and private. */
function describe(value: unknown): string {
  if (typeof value === 'string') {
    return value.length <= 32 ? JSON.stringify(value) : `a string of ${value.length} characters`;
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return value === undefined ? 'nothing' : String(value);
}

function ignoredFields(body: unknown): string[] {
  const names = Object.keys(body as object).filter((name) => !Object.hasOwn(COMPLETION_FIELDS.shape, name));
  return names.slice(0, MAX_IGNORED_FIELDS).map((name) => name.slice(0, 64).replace(/[^\w.-]/g, '?'));
}
