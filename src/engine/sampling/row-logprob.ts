import type { RowKernels } from './row-kernels.js';
import { scanDistribution } from './sampler.js';

/** What a row of logits says of one token. */
export interface RowLogprob {
  /** The natural logarithm of its probability, in [-9999, 0]. */
  readonly logprob: number;
  /** How many tokens are at least as probable, the token itself included. */
  readonly rank: number;
  /** The most probable tokens, the most probable first, of equal ones the one with the lowest id. */
  readonly top: readonly TopLogprob[];
}

/** A token and how probable it is. */
export interface TopLogprob {
  readonly tokenId: number;
  /** As {@link RowLogprob.logprob}. */
  readonly logprob: number;
}

/** What stands for the logarithm of 0. */
const LEAST_LOGPROB = -9999;

/**
 * Reads from the kernels' row, the model's own logits, how probable a token is, and the `numTop` most probable ones. Leaves
 * the row as it is.
 *
 * @throws Error where the logits have NaN or plus infinity, or are all minus infinity.
 */
export function readLogprob(kernels: RowKernels, tokenId: number, numTop: number): RowLogprob {
  const { logits } = kernels;
  const maximum = scanDistribution(kernels);
  const normalizer = maximum + Math.log(kernels.weigh(maximum, Math.LOG2E));
  const toLogprob = (logit: number) => Math.min(0, Math.max(LEAST_LOGPROB, logit - normalizer));
  const chosen = logits[tokenId]!;
  const rank = Math.min(kernels.count(chosen), logits.length);
  const top = topIds(kernels, numTop).map((id) => ({ tokenId: id, logprob: toLogprob(logits[id]!) }));
  return { logprob: toLogprob(chosen), rank, top };
}

/** The tokens with the greatest logits; `count` is small. */
function topIds({ logits, maxima, places, list }: RowKernels, count: number): number[] {
  if (count === 0) return [];
  // So many blocks have a token that reaches the last of these maxima.
  const last = topPlaces(count, maxima, maxima.keys())[count - 1];
  const size = list(last === undefined ? -Infinity : maxima[last]!, Infinity);
  return topPlaces(count, logits, places.subarray(0, size)).filter((id) => id < logits.length);
}

/** Those of the places, which ascend, that have the greatest logits. */
function topPlaces(count: number, logits: Float32Array, places: Iterable<number>): number[] {
  const top: number[] = [];
  for (const place of places) {
    if (top.length === count) {
      if (!(logits[place]! > logits[top[count - 1]!]!)) continue;
      top.pop();
    }
    insert(top, place, logits);
  }
  return top;
}

/** Puts a place where it belongs: behind equal ones, which are lower. */
function insert(top: number[], place: number, logits: Float32Array): void {
  let rank = top.length;
  while (rank > 0 && logits[top[rank - 1]!]! < logits[place]!) rank -= 1;
  top.splice(rank, 0, place);
}
