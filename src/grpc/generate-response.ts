import { type Finished, FinishReason, type GenerateResponse } from '../contract/gen/linnet/v1/completion.js';
import type { FinishedEvent, GenerateEvent } from '../engine/index.js';

/** What the service knows of a request and the engine does not repeat. */
export interface AcceptedDetails {
  /** The request's name in logs. */
  readonly requestId: string;
  /** The seed in use. */
  readonly seed: bigint;
}

/** Maps an event of the engine to the message that carries it. */
export function toGenerateResponse(event: GenerateEvent, details: AcceptedDetails): GenerateResponse {
  switch (event.type) {
    case 'accepted': {
      const { type, ...accepted } = event;
      return { event: { $case: 'accepted', value: { ...accepted, ...details } } };
    }
    case 'delta': {
      const { text, tokenIds, tokenBytes } = event;
      const value = { text, tokenIds: tokenIds as number[], tokenBytes: toBuffer(tokenBytes) };
      return { event: { $case: 'delta', value } };
    }
    case 'finished':
      return { event: { $case: 'finished', value: toFinished(event) } };
  }
}

function toFinished({ finishReason, stop, usage, timings }: FinishedEvent): Finished {
  const reason = finishReason === 'stop' ? FinishReason.STOP : FinishReason.LENGTH;
  return { finishReason: reason, stop: toStop(stop), usage, timings };
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

/** Views bytes as a Buffer, without a copy. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
