import type { RowLogprob } from '../sampling/row-logprob.js';
import { DEFAULT_SAMPLING } from '../sampling/sampling-params.js';
import type { GroupRequest } from '../scheduling/group-request.js';
import type { Score, ScoreRequest } from '../score.js';
import type { PromptEncoder } from '../text/prompt-encoder.js';
import type { TokenBytes } from '../text/token-bytes.js';
import { TokenLogprobs } from './token-logprobs.js';

/** A request to score, as tokens. */
export interface EncodedScoring {
  readonly context: Int32Array;
  readonly continuations: readonly Int32Array[];
}

/**
 * Encodes what is to be scored.
 *
 * @throws EngineError as {@link PromptEncoder.encode} does.
 */
export async function encodeScoring(request: ScoreRequest, encoder: PromptEncoder): Promise<EncodedScoring> {
  const context = encoder.encode(request.context, { before: 0, after: 0 });
  const neighbours = { before: context.length, after: 0 };
  return { context, continuations: await encoder.encodeAll(request.continuations, neighbours) };
}

/** Says what the worker is to do: compute context and continuation, and tell of the continuation's tokens. */
export function toScoringGroup(
  id: number,
  { context, continuations }: EncodedScoring,
  { tenant = '', logprobs: numTop }: ScoreRequest,
): GroupRequest {
  return {
    id,
    tenant,
    prompts: continuations.map((ids) => Int32Array.of(...context, ...ids)),
    numCandidates: 1,
    maxTokens: 0,
    sampling: DEFAULT_SAMPLING,
    // The most probable token tells whether the text is what greedy decoding would say.
    logprobs: { numTop: Math.max(1, numTop), promptFrom: context.length },
  };
}

/**
 * Makes a continuation's score of what the worker told of its tokens.
 *
 * @param rows one for each token, each with the most probable one at least
 */
export function toScore(
  ids: Int32Array,
  rows: readonly RowLogprob[],
  { tokenBytes, numTop }: { readonly tokenBytes: TokenBytes; readonly numTop: number },
): Score {
  const described = new TokenLogprobs(tokenBytes);
  return {
    tokenIds: [...ids],
    logprobs: rows.map((row, i) => described.describe(ids[i]!, row, numTop)),
    isGreedy: rows.every(({ top }, i) => top[0]?.tokenId === ids[i]),
  };
}
