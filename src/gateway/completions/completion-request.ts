import type { z } from 'zod';
import type { GenerateRequest, Prompt } from '../../contract/gen/linnet/v1/completion.js';
import { ignoredFields, invalidField, parseFields } from '../fields/request-parser.js';
import { COMPLETION_FIELDS } from './completion-fields.js';

/** A completion request of the HTTP API, checked. */
export interface CompletionRequest {
  /** What the engine is asked. */
  readonly generate: GenerateRequest;
  /** Whether the answer is a stream of server-sent events. */
  readonly stream: boolean;
  /** Whether the stream ends with a chunk that carries the usage. */
  readonly includeUsage: boolean;
  /** Whether each choice tells where its time went. */
  readonly includeTimings: boolean;
  /** How long the completion may take. Milliseconds; undefined for as long as it needs. */
  readonly timeoutMs: number | undefined;
  /** Names of fields that mean nothing here, at most 16, fit for a header. */
  readonly ignoredFields: readonly string[];
}

type Fields = z.output<typeof COMPLETION_FIELDS>;

const DEFAULT_MAX_TOKENS = 16;

/**
 * Parses the body of a completion request. Null means the default in every field; unknown fields are ignored.
 *
 * @throws GatewayError 400 that names the field in `param`; null where it is the body as a whole.
 */
export function parseCompletionRequest(body: unknown): CompletionRequest {
  const fields = parseFields(COMPLETION_FIELDS, body);
  checkTogether(fields, body);
  return {
    generate: toGenerateRequest(fields),
    stream: fields.stream ?? false,
    includeUsage: fields.stream_options?.include_usage ?? false,
    includeTimings: fields.timings ?? false,
    timeoutMs: fields.timeout_ms,
    ignoredFields: ignoredFields(body, COMPLETION_FIELDS),
  };
}

/** Checks what a field may be only beside another one. */
function checkTogether(
  { stream, stream_options: streamOptions, n = 1, best_of: bestOf }: Fields,
  body: unknown,
) {
  if (streamOptions && stream !== true) {
    throw invalidField(body, ['stream_options'], 'must be left out unless `stream` is true');
  }
  if (!bestOf) return;
  if (bestOf < n) throw invalidField(body, ['best_of'], `must be at least \`n\`, which is ${n}`);
  if (bestOf > n && stream) {
    throw invalidField(
      body,
      ['best_of'],
      `must be \`n\`, which is ${n}, or left out where \`stream\` is true`,
    );
  }
}

function toGenerateRequest(fields: Fields): GenerateRequest {
  return {
    model: fields.model ?? '',
    ...toInput(fields.prompt ?? []),
    maxTokens: fields.max_tokens ?? DEFAULT_MAX_TOKENS,
    minTokens: fields.min_tokens,
    stop: fields.stop ?? [],
    stopTokenIds: fields.stop_token_ids ?? [],
    ignoreEos: fields.ignore_eos,
    includeStopStrInOutput: fields.include_stop_str_in_output,
    n: fields.n,
    bestOf: fields.best_of,
    echo: fields.echo,
    logprobs: fields.logprobs,
    returnPromptTokenIds: fields.return_token_ids,
    temperature: fields.temperature,
    topP: fields.top_p,
    topK: fields.top_k,
    minP: fields.min_p,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    repetitionPenalty: fields.repetition_penalty,
    logitBias: fields.logit_bias ?? {},
    seed: fields.seed,
  };
}

// The contract has fields of its own for the one prompt that most requests have.
function toInput([first, ...others]: readonly Prompt[]): Pick<GenerateRequest, 'input' | 'prompts'> {
  if (first && others.length > 0) return { input: undefined, prompts: [first, ...others] };
  const input = first?.input;
  if (input === undefined) return { input: undefined, prompts: [] };
  return {
    input:
      input.$case === 'text'
        ? { $case: 'prompt', value: input.value }
        : { $case: 'promptTokenIds', value: input.value },
    prompts: [],
  };
}
