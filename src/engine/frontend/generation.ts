import type { GenerateRequest } from '../completion.js';
import type { GroupRequest, LogprobsRequest } from '../scheduling/group-request.js';
import type { TokenBytes } from '../text/token-bytes.js';
import type { ChoiceOptions } from './choice-stream.js';

/** Says what the worker is to do for a request. */
export function toGroup(id: number, request: GenerateRequest, prompts: readonly Int32Array[]): GroupRequest {
  const { tenant = '', bestOf, maxTokens, sampling } = request;
  return { id, tenant, prompts, numCandidates: bestOf, maxTokens, sampling, logprobs: toLogprobs(request) };
}

/** Says what the choices of a request have in common. */
export function toChoiceOptions(request: GenerateRequest, tokenBytes: TokenBytes): ChoiceOptions {
  const { stop, includeStop, echo, logprobs, sampling } = request;
  const { minTokens, stopTokenIds } = sampling;
  return { stop, includeStop, minTokens, stopTokenIds, echo, numTopLogprobs: logprobs, tokenBytes };
}

/** The best candidates are found by their logprobs, also where the caller is told of none. */
function toLogprobs({ logprobs, echo, n, bestOf }: GenerateRequest): LogprobsRequest | undefined {
  if (logprobs !== undefined) return { numTop: logprobs, promptFrom: echo ? 0 : undefined };
  return bestOf > n ? { numTop: 0, promptFrom: undefined } : undefined;
}
