import {
  type Accepted,
  type Delta,
  type Finished,
  FinishReason,
  type GenerateResponse,
} from '../../contract/gen/linnet/v1/completion.js';
import type { AcceptedEvent, DeltaEvent, FinishedEvent, GenerateEvent } from '../../engine/index.js';
import { toBuffer, toWireLogprob } from './token-logprob.js';

/** What the service knows of a request and the engine does not repeat. */
export interface AcceptedDetails {
  /** The request's name in logs. */
  readonly requestId: string;
  /** The seed in use. */
  readonly seed: bigint;
  /** Whether the caller is told the prompts' tokens. */
  readonly returnPromptTokenIds: boolean;
}

/** Maps an event of the engine to the message that carries it. */
export function toGenerateResponse(event: GenerateEvent, details: AcceptedDetails): GenerateResponse {
  switch (event.type) {
    case 'accepted':
      return { event: { $case: 'accepted', value: toAccepted(event, details) } };
    case 'delta':
      return { event: { $case: 'delta', value: toDelta(event) } };
    case 'finished':
      return { event: { $case: 'finished', value: toFinished(event) } };
  }
}

/** How many tokens the prompts of a request have. */
export function countPromptTokens({ prompts }: AcceptedEvent): number {
  return prompts.reduce((sum, { length }) => sum + length, 0);
}

function toAccepted(
  event: AcceptedEvent,
  { requestId, seed, returnPromptTokenIds }: AcceptedDetails,
): Accepted {
  const { model, systemFingerprint, cachedTokens } = event;
  const prompts = returnPromptTokenIds ? event.prompts.map((ids) => ({ ids: [...ids] })) : [];
  const promptTokens = countPromptTokens(event);
  return { requestId, model, seed, promptTokens, cachedTokens, systemFingerprint, prompts };
}

// Field by field: with a rest object a message takes twice as long.
function toDelta({ index, text, tokenIds, tokenBytes, logprobs, echoedTokens }: DeltaEvent): Delta {
  return {
    index,
    text,
    tokenIds: tokenIds as number[],
    tokenBytes: toBuffer(tokenBytes),
    logprobs: logprobs.map(toWireLogprob),
    echoedTokens,
  };
}

function toFinished({ index, finishReason, stop, usage, timings }: FinishedEvent): Finished {
  const reason = finishReason === 'stop' ? FinishReason.STOP : FinishReason.LENGTH;
  return { index, finishReason: reason, stop: toStop(stop), usage, timings };
}

function toStop(stop: FinishedEvent['stop']): Finished['stop'] {
  switch (typeof stop) {
    case 'string':
      return { $case: 'stopString', value: stop };
    case 'number':
      return { $case: 'stopTokenId', value: stop };
    default:
      return undefined;
  }
}
