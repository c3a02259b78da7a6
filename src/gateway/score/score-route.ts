import type { RequestHandler } from 'express';
import type { ScoreRequest, ScoreResponse } from '../../contract/gen/linnet/v1/completion.js';
import { createAnswerId } from '../completions/answer-id.js';
import { toLogprobs } from '../completions/completion-logprobs.js';
import { toUsage } from '../completions/completion-response.js';
import { ignoredFields, parseFields } from '../fields/request-parser.js';
import { callerOf } from '../http/request-caller.js';
import { setIgnoredFields } from '../http/request-headers.js';
import { addToRequestLog } from '../http/request-log.js';
import { createRequestSignal } from '../http/request-signal.js';
import type { Lifecycle } from '../lifecycle.js';
import type { ScoreClient } from '../upstream/score-client.js';
import { SCORE_FIELDS } from './score-fields.js';
import type { Scores } from './score-schemas.js';

/** What the route needs. */
export interface ScoreRouteDeps {
  readonly scores: ScoreClient;
  readonly lifecycle: Lifecycle;
}

/** Makes the handler of `POST /v1/score`: tells how probable texts are as continuations of a context. */
export function createScoreRoute({ scores, lifecycle }: ScoreRouteDeps): RequestHandler {
  return async (request, response) => {
    const { timeout_ms: timeoutMs, ...fields } = parseFields(SCORE_FIELDS, request.body);
    setIgnoredFields(response, ignoredFields(request.body, SCORE_FIELDS));
    const asked: ScoreRequest = { ...fields, model: fields.model ?? '', context: fields.context };
    const signal = createRequestSignal(response, lifecycle.cutOff);
    const answer = await scores.score(asked, { ...callerOf(request, response), signal, timeoutMs });
    const requestId = response.get('x-request-id') ?? '';
    const id = createAnswerId('score', requestId, request.get('x-request-id'));
    addToRequestLog(response, { completionId: id, model: answer.model, ...answer.usage });
    response.json(toScores(id, answer));
  };
}

function toScores(id: string, { model, systemFingerprint, scores, usage }: ScoreResponse): Scores {
  return {
    id,
    object: 'list',
    created: Math.floor(Date.now() / 1000),
    model,
    system_fingerprint: systemFingerprint,
    data: scores.map(({ tokenIds, logprobs, logprob, perplexity, isGreedy }, index) => ({
      index,
      object: 'score',
      score: logprob,
      // JSON has no infinity.
      perplexity: Math.min(perplexity, Number.MAX_VALUE),
      is_greedy: isGreedy,
      token_ids: tokenIds,
      token_ranks: logprobs.map(({ rank = 1 }) => rank),
      logprobs: toLogprobs(logprobs),
    })),
    usage: toUsage(usage),
  };
}
