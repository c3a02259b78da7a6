import type { Response } from 'express';
import type { Finished, Timings } from '../../contract/gen/linnet/v1/completion.js';
import { addToRequestLog } from '../http/request-log.js';
import type { CompletionEvent } from '../upstream/completion-client.js';
import type { CompletionRequest } from './completion-request.js';
import { type CompletionHead, tenths, toFinishReason, toTimings } from './completion-response.js';

/** Where an answer comes from. */
export interface CompletionSource {
  /** The id of the completion. */
  readonly id: string;
  /** What was asked for. */
  readonly request: CompletionRequest;
  readonly events: AsyncIterable<CompletionEvent>;
}

/** Notes in its request's line of the log how a completion ended. */
export function addCompletionToLog(
  response: Response,
  { id, model }: CompletionHead,
  endings: readonly Finished[],
): void {
  const reasons = new Set(endings.map(({ finishReason }) => toFinishReason(finishReason)));
  addToRequestLog(response, {
    completionId: id,
    model,
    ...(endings.length > 1 && { choices: endings.length }),
    ...endings.at(-1)?.usage,
    ...timesOf(endings[0]?.timings),
    finishReason: [...reasons].join(','),
  });
}

/** Says where a completion's time went, for the header `server-timing`. Milliseconds. */
export function toServerTiming(timings: Timings): string {
  const { queue_ms, prefill_ms, decode_ms } = toTimings(timings);
  return `queue;dur=${queue_ms}, prefill;dur=${prefill_ms}, decode;dur=${decode_ms}`;
}

function timesOf(timings: Timings | undefined) {
  if (timings === undefined) return {};
  const { queue_ms: queueMs, prefill_ms: prefillMs, decode_ms: decodeMs } = toTimings(timings);
  return { queueMs, prefillMs, decodeMs, firstTokenMs: tenths(queueMs + prefillMs) };
}
