import type { Response } from 'express';
import type { Finished } from '../../contract/gen/linnet/v1/completion.js';
import { addToRequestLog } from '../http/request-log.js';
import type { CompletionEvent } from '../upstream/completion-client.js';
import type { CompletionRequest } from './completion-request.js';
import { type CompletionHead, toFinishReason } from './completion-response.js';

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
    finishReason: [...reasons].join(','),
  });
}
