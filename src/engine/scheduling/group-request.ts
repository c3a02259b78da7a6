import type { SamplingParams } from '../sampling/sampling-params.js';

/** What a request asks of the engine's core: ids and numbers only. */
export interface GroupRequest {
  /** Unique among the requests that live. */
  readonly id: number;
  /** Whose it is: tenants take turns. Any text. */
  readonly tenant: string;
  /** At least one, each of at least one id. */
  readonly prompts: readonly Int32Array[];
  /** How many completions of each prompt there are, at least 1. */
  readonly numCandidates: number;
  /** For each completion; 0 computes the prompts alone. With any of the prompts it fits the context. */
  readonly maxTokens: number;
  readonly sampling: SamplingParams;
  /** Which log-probabilities are told; undefined for none. */
  readonly logprobs: LogprobsRequest | undefined;
}

/** Which log-probabilities a request is told: those of all generated tokens, and perhaps of the prompts'. */
export interface LogprobsRequest {
  /** How many most probable tokens are told beside each. */
  readonly numTop: number;
  /** The first position of each prompt whose token's is told; undefined for none. Position 0 has none to tell. */
  readonly promptFrom: number | undefined;
}
