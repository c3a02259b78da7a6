import type { CachedBlock } from '../kv-cache/prefix-cache.js';
import type { Slot } from '../kv-cache/slot-table.js';
import type { SamplingParams } from '../sampling/sampling-params.js';
import { Lookup } from './lookup.js';

/** What a request asks of the engine's core: ids and numbers only. */
export interface SequenceRequest {
  /** Unique among the sequences that live. */
  readonly id: number;
  /** At least one id. */
  readonly promptIds: Int32Array;
  /** At least 1; prompt and completion together fit the context. */
  readonly maxTokens: number;
  readonly sampling: SamplingParams;
}

/** What the core adds to a request. */
export interface SequenceOptions {
  /** When it arrived, by the clock of the core. Milliseconds. */
  readonly arrivedAtMs: number;
  /** Whether its next tokens are guessed from its own text. */
  readonly lookup?: boolean;
}

/** Why a sequence ended by itself. */
export type SequenceFinishReason = 'stop' | 'length';

/**
 * The state of one completion in the engine's core. `numComputedTokens` catches up with `numTokens`: prefill, chunked
 * prefill and decode differ only in how far it is behind.
 */
export class Sequence {
  readonly id: number;
  readonly numPromptTokens: number;
  /** The most tokens that prompt and completion may have. */
  readonly maxTotalTokens: number;
  readonly sampling: SamplingParams;
  /** When it arrived, by the clock of the core. Milliseconds. */
  readonly arrivedAtMs: number;
  /** Prompt and completion; the first `numTokens` hold. */
  readonly tokenIds: Int32Array;
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

  constructor(request: SequenceRequest, { arrivedAtMs, lookup = false }: SequenceOptions) {
    this.id = request.id;
    this.sampling = request.sampling;
    this.arrivedAtMs = arrivedAtMs;
    this.lookup = lookup ? new Lookup() : undefined;
    this.numPromptTokens = request.promptIds.length;
    this.maxTotalTokens = this.numPromptTokens + request.maxTokens;
    this.tokenIds = new Int32Array(this.maxTotalTokens);
    this.tokenIds.set(request.promptIds);
    this.numTokens = this.numPromptTokens;
  }

  /** Positions that the KV cache must be able to hold by the end: the last token is never computed. */
  get maxCachedTokens(): number {
    return this.maxTotalTokens - 1;
  }

  /** Tokens that are known but not yet computed, at least 1. */
  get numPendingTokens(): number {
    return this.numTokens - this.numComputedTokens;
  }

  append(tokenId: number): void {
    this.tokenIds[this.numTokens++] = tokenId;
  }
}
