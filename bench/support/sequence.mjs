import { DEFAULT_SAMPLING } from '../../dist/engine/sampling/sampling-params.js';
import { Sequence } from '../../dist/engine/scheduling/sequence.js';

/** A sequence of these tokens, of which none is computed yet, as the scheduler has it. */
export function sequenceOf(ids) {
  const [promptIds, sampling] = [Int32Array.from(ids), DEFAULT_SAMPLING];
  const request = { id: 0, tenant: '', prompts: [promptIds], numCandidates: 1, maxTokens: 1, sampling };
  return new Sequence({ ...request, logprobs: undefined }, 0, { arrivedAtMs: 0, lookup: false });
}
