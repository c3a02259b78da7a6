import { maximumOf } from './block-maxima.js';
import { complaintAbout } from './sampler.js';
import { BIN_WEIGHTS, BINS_PER_NAT, LINEAR, NUM_BINS, QUADRATIC } from './softmax-weight.js';

// V8 folds a module's own constants into a loop; imported ones it reads in each round.
const SCALE = BINS_PER_NAT;
const END = NUM_BINS;
const A = LINEAR;
const B = QUADRATIC;

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
  const { sum, rank } = weigh(logits, maximum, chosen);
  const normalizer = maximum + Math.log(sum);
  const toLogprob = (logit: number) => Math.min(0, Math.max(LEAST_LOGPROB, logit - normalizer));
  const top = topIds(logits, numTop).map((id) => ({ tokenId: id, logprob: toLogprob(logits[id]!) }));
  return { logprob: toLogprob(chosen), rank, top };
}

/** Adds up the weights, `weightAt` written out, for calls would take twice the time, and counts who reaches `chosen`. */
function weigh(logits: Float32Array, maximum: number, chosen: number): { sum: number; rank: number } {
  const weights = BIN_WEIGHTS;
  let sum = 0;
  let rank = 0;
  for (let id = 0; id < logits.length; id += 1) {
    const logit = logits[id]!;
    rank += Number(logit >= chosen); // a branch would be mispredicted
    const distance = (maximum - logit) * SCALE;
    if (distance >= END) continue;
    const bin = distance | 0;
    const offset = distance - bin - 0.5;
    sum += weights[bin]! * (1 - offset * (A - offset * B));
  }
  return { sum, rank };
}

/** The tokens with the greatest logits; `count` is small. */
function topIds(logits: Float32Array, count: number): number[] {
  const ids: number[] = [];
  let id = 0;
  for (; id < count && id < logits.length; id += 1) insert(ids, id, logits);
  if (count === 0) return ids;
  while (id < logits.length) {
    id = nextAbove(logits[ids[count - 1]!]!, logits, id);
    if (id === logits.length) break;
    ids.pop();
    insert(ids, id, logits);
    id += 1;
  }
  return ids;
}

/** The first token from `start` on whose logit exceeds the threshold; the row's length if there is none. */
function nextAbove(threshold: number, logits: Float32Array, from: number): number {
  let start = from;
  // One look at four takes two thirds of the time.
  while (start + 4 <= logits.length) {
    const low = Number(logits[start]! > threshold) | Number(logits[start + 1]! > threshold);
    const high = Number(logits[start + 2]! > threshold) | Number(logits[start + 3]! > threshold);
    if ((low | high) !== 0) break;
    start += 4;
  }
  for (let id = start; id < logits.length; id += 1) if (logits[id]! > threshold) return id;
  return logits.length;
}

/** Puts a token in its place: behind equal ones, which have lower ids. */
function insert(ids: number[], id: number, logits: Float32Array): void {
  let place = ids.length;
  while (place > 0 && logits[ids[place - 1]!]! < logits[id]!) place -= 1;
  ids.splice(place, 0, id);
}
