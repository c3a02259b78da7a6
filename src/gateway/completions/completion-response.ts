import {
  type Accepted,
  type Finished,
  FinishReason,
  type Timings,
  type Usage,
} from '../../contract/gen/linnet/v1/completion.js';
import type { CompletionChoice, UsageObject } from './completion-schemas.js';

/** What all chunks of one answer have in common. */
export interface CompletionHead {
  /** `cmpl-` and a UUID. */
  readonly id: string;
  readonly object: 'text_completion';
  /** Seconds since the Unix epoch. */
  readonly created: number;
  /** The id of the model that answers. */
  readonly model: string;
  /** What the bits of the answer depend on. */
  readonly system_fingerprint: string;
}

/** Makes the head of an answer that begins now, as the engine accepted it. */
export function toHead(id: string, { model, systemFingerprint }: Accepted): CompletionHead {
  return {
    id,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model,
    system_fingerprint: systemFingerprint,
  };
}

/** Says why a choice ended, in OpenAI's words and vLLM's `stop_reason`, and where its time went if that is asked for. */
export function toEnding(
  { finishReason, stop, timings }: Finished,
  { includeTimings }: { readonly includeTimings: boolean },
): Pick<CompletionChoice, 'finish_reason' | 'stop_reason' | 'timings'> {
  return {
    finish_reason: toFinishReason(finishReason),
    stop_reason: stop?.value ?? null,
    ...(includeTimings && timings && { timings: toTimings(timings) }),
  };
}

/** Says where a choice's time went, in milliseconds to the tenth. */
export function toTimings({ queueMs, prefillMs, decodeMs }: Timings) {
  return { queue_ms: tenths(queueMs), prefill_ms: tenths(prefillMs), decode_ms: tenths(decodeMs) };
}

/** Says why a completion ended, in OpenAI's words. */
export function toFinishReason(reason: FinishReason): 'stop' | 'length' {
  return reason === FinishReason.LENGTH ? 'length' : 'stop';
}

/** Makes OpenAI's object of what was consumed. */
export function toUsage(counts: Usage = NO_USAGE): UsageObject {
  const { promptTokens, completionTokens, cachedTokens, acceptedPredictionTokens } = counts;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { accepted_prediction_tokens: acceptedPredictionTokens },
  };
}

/** Rounds a time to the tenth of a millisecond. */
export function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

const NO_USAGE: Usage = {
  promptTokens: 0,
  completionTokens: 0,
  cachedTokens: 0,
  acceptedPredictionTokens: 0,
};
