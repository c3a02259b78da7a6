import { ERROR_CATALOGUE } from '../../contract/error-catalogue.js';
import type { Usage } from '../../contract/gen/linnet/v1/completion.js';
import { GatewayError } from '../errors/gateway-error.js';
import type { CompletionEvent } from './completion-client.js';

/** How far a completion has come, as far as its events have reached the gateway. */
export class CompletionProgress {
  #isAccepted = false;
  #completionTokens = 0;
  /** The model that answers; undefined until it is known. */
  model: string | undefined;
  /** What was consumed, as told with the last choice that ended. */
  usage: Usage | undefined;

  /** Takes note of an event. */
  note({ $case, value }: CompletionEvent): void {
    if ($case === 'accepted') {
      this.#isAccepted = true;
      this.model = value.model;
    }
    if ($case === 'delta') this.#completionTokens += value.tokenIds.length - value.echoedTokens;
    if ($case === 'finished') this.usage = value.usage;
  }

  /** Makes the error for a deadline that passed now, in the words of the engine's own. */
  toDeadlineError(): GatewayError {
    const phase = this.#completionTokens > 0 ? 'decode' : this.#isAccepted ? 'prefill' : 'queue';
    const tokens = phase === 'decode' ? `, after ${this.#completionTokens} tokens` : '';
    return new GatewayError(
      ERROR_CATALOGUE.DEADLINE_EXCEEDED,
      `The deadline passed ${WHERE[phase]}${tokens}.`,
      { fields: { phase, completion_tokens: this.#completionTokens } },
    );
  }
}

const WHERE = {
  queue: 'while the request waited for its turn',
  prefill: 'while the prompt was computed',
  decode: 'while the completion was generated',
} as const;
