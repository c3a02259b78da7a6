import { type Finished, FinishReason, type Usage } from '../contract/gen/linnet/v1/completion.js';

/** What all chunks of one answer have in common. */
export interface CompletionHead {
  /** `cmpl-` and a UUID. */
  readonly id: string;
  /** Seconds since the Unix epoch. */
  readonly created: number;
  /** The id of the model that answers. */
  readonly model: string;
  /** What the bits of the answer depend on. */
  readonly systemFingerprint: string;
}

interface Choice {
  readonly text: string;
  readonly index: number;
  readonly logprobs: null;
  readonly finish_reason: 'stop' | 'length' | null;
  /** What stopped it: the matched stop string, the end-of-text token's id, or null. An extension. */
  readonly stop_reason?: string | number | null;
}

/** Makes the whole answer of a request that does not stream. */
export function toCompletion(head: CompletionHead, text: string, finished: Finished) {
  return { ...completion(head, [finishedChoice(text, finished)]), usage: usage(finished.usage) };
}

/** Makes a chunk of text. */
export function toTextChunk(head: CompletionHead, text: string) {
  return completion(head, [{ text, index: 0, logprobs: null, finish_reason: null }]);
}

/** Makes the chunk that ends the choice: no text, only why. */
export function toFinishChunk(head: CompletionHead, finished: Finished) {
  return completion(head, [finishedChoice('', finished)]);
}

/** Makes the chunk that carries what the request consumed: no choices. */
export function toUsageChunk(head: CompletionHead, finished: Finished) {
  return { ...completion(head, []), usage: usage(finished.usage) };
}

/** Says why a completion ended, in OpenAI's words. */
export function toFinishReason(reason: FinishReason): 'stop' | 'length' {
  return reason === FinishReason.LENGTH ? 'length' : 'stop';
}

function completion(head: CompletionHead, choices: readonly Choice[]) {
  const { id, created, model, systemFingerprint } = head;
  return { id, object: 'text_completion', created, model, system_fingerprint: systemFingerprint, choices };
}

function finishedChoice(text: string, { finishReason, stop }: Finished): Choice {
  return {
    text,
    index: 0,
    logprobs: null,
    finish_reason: toFinishReason(finishReason),
    stop_reason: stop?.value ?? null,
  };
}

function usage(counts: Usage = NO_USAGE) {
  const { promptTokens, completionTokens, cachedTokens, acceptedPredictionTokens } = counts;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { accepted_prediction_tokens: acceptedPredictionTokens },
  };
}

const NO_USAGE: Usage = {
  promptTokens: 0,
  completionTokens: 0,
  cachedTokens: 0,
  acceptedPredictionTokens: 0,
};
