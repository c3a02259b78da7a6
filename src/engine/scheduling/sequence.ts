import type { CachedBlock } from '../kv-cache/prefix-cache.js';
import type { Slot } from '../kv-cache/slot-table.js';
import type { SamplingParams } from '../sampling/sampling-params.js';
import type { GroupRequest } from './group-request.js';
import { Lookup } from './lookup.js';

/** What the core adds to a request. */
export interface Arrival {
  /** When it arrived, by the clock of the core. Milliseconds. */
  readonly arrivedAtMs: number;
  /** Whether its next tokens are guessed from its own text. */
  readonly lookup: boolean;
}

/** Why a sequence ended by itself. */
export type SequenceFinishReason = 'stop' | 'length';

/**
 * The state of one completion in the engine's core. `numComputedTokens` catches up with `numTokens`: prefill, chunked
 * prefill and decode differ only in how far it is behind.
 */
export class Sequence {
  /** The request that it belongs to, and its index there. */
  readonly groupId: number;
  readonly index: number;
  /** Which completion of its prompt it is: what it draws its random numbers for. */
  readonly candidate: number;
  readonly numPromptTokens: number;
  /** The most tokens that prompt and completion may have. */
  readonly maxTotalTokens: number;
  readonly sampling: SamplingParams;
  /** How many most probable tokens are told beside each token's logprob; undefined where none are told. */
  readonly numTopLogprobs: number | undefined;
  /** From here on its logits are read; what comes before may be taken from the prefix cache. */
  readonly firstLogitPosition: number;
  /** When it arrived, by the clock of the core. Milliseconds. */
  readonly arrivedAtMs: number;
  /** Prompt and completion; the first `numTokens` hold. */
  readonly tokenIds: Int32Array;
  /** Those that run with it and wait for the prompt, which is the same, to be computed here. */
  readonly siblings: Sequence[] = [];
  numTokens: number;
  /** Tokens whose keys and values are in the cache. */
  numComputedTokens = 0;
  /** Tokens of the prompt that came from the prefix cache. */
  numCachedTokens = 0;
  /** The block of the prefix cache that ends where the computed part of the prompt does, as far as there is one. */
  lastBlock: CachedBlock | undefined;
  /** Tokens behind `numTokens` that are guesses, for the next run to check. */
  numDraftTokens = 0;
  /** Guesses its next tokens; undefined where that is switched off. */
  readonly lookup: Lookup | undefined;
  /** Its place in the KV cache; undefined while it waits. */
  slot: Slot | undefined;

  constructor(request: GroupRequest, index: number, { arrivedAtMs, lookup }: Arrival) {
    const { id, prompts, numCandidates, maxTokens, sampling, logprobs } = request;
    const promptIds = prompts[Math.floor(index / numCandidates)]!;
    this.groupId = id;
    this.index = index;
    this.candidate = index % numCandidates;
    this.sampling = sampling;
    this.numTopLogprobs = logprobs?.numTop;
    this.arrivedAtMs = arrivedAtMs;
    this.lookup = lookup ? new Lookup() : undefined;
    this.numPromptTokens = promptIds.length;
    this.maxTotalTokens = this.numPromptTokens + maxTokens;
    this.tokenIds = new Int32Array(this.maxTotalTokens);
    this.tokenIds.set(promptIds);
    this.numTokens = this.numPromptTokens;
    // A prompt's logprobs are told once, with its first candidate; those of a token come from the row before it.
    const promptFrom = this.candidate === 0 ? logprobs?.promptFrom : undefined;
    const firstTold = Math.max(1, promptFrom ?? this.numPromptTokens);
    this.firstLogitPosition = Math.min(firstTold, this.numPromptTokens) - 1;
  }

  /** Positions that the KV cache must be able to hold by the end: the last token to be generated is never computed. */
  get maxCachedTokens(): number {
    return Math.max(this.maxTotalTokens - 1, this.numPromptTokens);
  }

  /** Tokens that are known but not yet computed; at least 1 of a sequence that goes on. */
  get numPendingTokens(): number {
    return this.numTokens - this.numComputedTokens;
  }

  /** Whether it has all the tokens that it may have. */
  get isFull(): boolean {
    return this.numTokens >= this.maxTotalTokens;
  }

  append(tokenId: number): void {
    this.tokenIds[this.numTokens++] = tokenId;
  }
}
