import { DEFAULT_SAMPLING } from '../../src/engine/sampling/sampling-params.js';
import type { GroupRequest } from '../../src/engine/scheduling/group-request.js';

/** A request to the engine's core: one token after one prompt of one token, unless said otherwise. */
export function groupRequest(overrides: Partial<GroupRequest> = {}): GroupRequest {
  return {
    id: 1,
    tenant: '',
    prompts: [Int32Array.of(1)],
    numCandidates: 1,
    maxTokens: 1,
    sampling: DEFAULT_SAMPLING,
    logprobs: undefined,
    ...overrides,
  };
}
