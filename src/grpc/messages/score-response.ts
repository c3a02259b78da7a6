import type { ScoreResponse, Score as WireScore } from '../../contract/gen/linnet/v1/completion.js';
import type { Score, ScoreResult } from '../../engine/index.js';
import { toWireLogprob } from './token-logprob.js';

/** Maps what the engine tells of continuations to the message that carries it. */
export function toScoreResponse(result: ScoreResult, requestId: string): ScoreResponse {
  return { ...result, requestId, scores: result.scores.map(toWireScore) };
}

function toWireScore({ tokenIds, logprobs, isGreedy }: Score): WireScore {
  const logprob = logprobs.reduce((sum, token) => sum + (token.logprob ?? 0), 0);
  return {
    tokenIds: tokenIds as number[],
    logprobs: logprobs.map(toWireLogprob),
    logprob,
    perplexity: Math.exp(-logprob / tokenIds.length),
    isGreedy,
  };
}
