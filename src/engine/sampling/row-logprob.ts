import { maximumOf } from './block-maxima.js';
import { complaintAbout } from './sampler.js';
import { BINS_PER_NAT, weightAt } from './softmax-weight.js';

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
 * Reads from a row how probable a token is, and the `numTop` most probable ones. Sums in double precision, in the order
 * of the ids, so that equal rows give equal bits; the weights' own error of 1e-7 is less than that of the logits.
 *
 * @param logits The model's own, one for each token of the vocabulary.
 * @throws Error where the logits have NaN or plus infinity, or are all minus infinity.
 */
export function readLogprob(logits: Float32Array, tokenId: number, numTop: number): RowLogprob {
  const maximum = maximumOf(logits, 0, logits.length);
  if (!Number.isFinite(maximum)) throw new Error(complaintAbout(maximum));
  const chosen = logits[tokenId]!;
  let sum = 0;
  let rank = 0;
  for (let id = 0; id < logits.length; id += 1) {
    const logit = logits[id]!;
    sum += weightAt((maximum - logit) * BINS_PER_NAT);
    if (logit >= chosen) rank += 1;
  }
  const normalizer = maximum + Math.log(sum);
  const toLogprob = (logit: number) => Math.min(0, Math.max(LEAST_LOGPROB, logit - normalizer));
  const top = topIds(logits, numTop).map((id) => ({ tokenId: id, logprob: toLogprob(logits[id]!) }));
  return { logprob: toLogprob(chosen), rank, top };
}

/** The tokens with the greatest logits; `count` is small. */
function topIds(logits: Float32Array, count: number): number[] {
  const ids: number[] = [];
  if (count === 0) return ids;
  let least = -Infinity;
  for (let id = 0; id < logits.length; id += 1) {
    const logit = logits[id]!;
    // Ids ascend, so that of equal ones the first stays before the others.
    if (ids.length === count && logit <= least) continue;
    const place = ids.findIndex((other) => logits[other]! < logit);
    ids.splice(place < 0 ? ids.length : place, 0, id);
    if (ids.length > count) ids.pop();
    least = logits[ids.at(-1)!]!;
  }
  return ids;
}
