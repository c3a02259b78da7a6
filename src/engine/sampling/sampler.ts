import { BlockMaxima, maximumOf } from './block-maxima.js';
import { Candidates } from './candidates.js';
import { RankedTokens } from './ranked-tokens.js';
import type { SamplingParams } from './sampling-params.js';
import { BINS_PER_NAT, NUM_BINS, weightAt } from './softmax-weight.js';
import { type BinSelection, WeightHistogram } from './weight-histogram.js';

/** Below this the most probable token is all that is left. */
const GREEDY_TEMPERATURE = 1e-5;

/**
 * Up to this top-k, and where min-p leaves nothing in half of the row's blocks, the candidates are sorted; otherwise
 * weights are summed in a histogram.
 */
const MAX_FEW = 256;

/** A row of logits, and what makes weights of it. */
interface Row {
  readonly logits: Float32Array;
  readonly maximum: number;
  readonly temperature: number;
}

/** A row of logits, and what a choice from it depends on. */
interface Draw {
  readonly logits: Float32Array;
  readonly maximum: number;
  /** What a logit must reach for min-p; minus infinity without one. */
  readonly least: number;
  readonly params: SamplingParams;
  readonly random: number;
}

/**
 * Chooses tokens. One for a model: it holds the memory that a choice needs, so that no call allocates any that
 * grows with the vocabulary.
 *
 * Tokens are ranked by logit, equal ones by id, the lowest first. In this order top-k keeps exactly k, min-p those
 * that reach its part of the greatest probability, top-p the fewest that reach p of what these two left, and the draw
 * takes the first token at which the sum of the kept probabilities exceeds the random number. So the token is a function of the logits' bits, the parameters and
 * the random number, and nothing else.
 */
export class Sampler {
  readonly #vocabSize: number;
  readonly #maxima: BlockMaxima;
  readonly #candidates: Candidates;
  readonly #histogram: WeightHistogram;
  readonly #ranked: RankedTokens;
  readonly #weights: Float64Array;

  /** @param vocabSize The length of a row, at least 1. */
  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
    this.#maxima = new BlockMaxima(vocabSize);
    this.#candidates = new Candidates(vocabSize);
    this.#histogram = new WeightHistogram(vocabSize);
    this.#ranked = new RankedTokens(vocabSize);
    this.#weights = new Float64Array(vocabSize);
  }

  /**
   * Chooses the next token.
   *
   * @param logits One for each token of the vocabulary; minus infinity excludes a token.
   * @param random In [0, 1); not read where there is nothing to choose.
   * @returns The token's id.
   * @throws Error where the logits have NaN or plus infinity, or are all minus infinity.
   */
  sample(logits: Float32Array, params: SamplingParams, random: number): number {
    const { temperature, topK, topP, minP } = params;
    const greedy = temperature < GREEDY_TEMPERATURE || topK === 1 || topP === 0;
    const fewRanks = topK > 0 && topK <= Math.min(MAX_FEW, this.#maxima.size);
    const searched = !greedy && (fewRanks || minP > 0);
    const maximum = searched ? this.#maxima.scan(logits) : maximumOf(logits, 0, logits.length);
    if (!Number.isFinite(maximum)) throw new Error(complaintAbout(maximum));
    if (greedy) return logits.indexOf(maximum);
    const least = leastLogit(maximum, params);
    const draw = { logits, maximum, least, params, random };
    if (fewRanks) return this.#sampleFew(Math.max(least, this.#maxima.lowerBound(topK)), draw);
    const fewBlocks = searched && this.#maxima.numReaching(least) <= this.#maxima.size / 2;
    return fewBlocks ? this.#sampleFew(least, draw) : this.#sampleMany(draw);
  }

  /** Sorts a few hundred candidates, those that reach the threshold, and works on them alone. */
  #sampleFew(threshold: number, { logits, maximum, params, random }: Draw): number {
    const { temperature, topK, topP } = params;
    this.#ranked.clear();
    this.#maxima.collect(threshold, logits, this.#ranked);
    this.#ranked.sort();
    const size = topK > 0 ? Math.min(topK, this.#ranked.size) : this.#ranked.size;
    const total = this.#weigh(size, { logits, maximum, temperature });
    const kept = topP < 1 ? this.#nucleus(0, topP * total, size) : { end: size, mass: total };
    return this.#pick(kept.end, 0, random * kept.mass);
  }

  /** Sums the candidates' weights in bins, and sorts only those bins in which the nucleus and the draw end. */
  #sampleMany({ logits: row, maximum, least, params, random }: Draw): number {
    const { temperature, topK, topP } = params;
    this.#candidates.take(row, { maximum, least, temperature, topK });
    const { logits, isPacked } = this.#candidates;
    const histogram = this.#histogram;
    histogram.fill(logits, { maximum, least: isPacked ? -Infinity : least, temperature });
    if (topK > 0 && topK < this.#vocabSize) this.#keepTop(topK, { logits, maximum, temperature });
    const { total } = histogram;

    // The nucleus ends within a bin, so its weight has bounds, and so has the bin in which the draw ends.
    const edge = topP < 1 ? histogram.binReaching(topP * total) : NUM_BINS;
    const before = histogram.massBefore(edge);
    const first = histogram.binExceeding(random * before);
    const last = topP < 1 ? histogram.binExceeding(random * histogram.massBefore(edge + 1)) : first;
    this.#rank({ first, last, other: topP < 1 ? edge : first }, logits);
    const size = this.#ranked.size;
    this.#weigh(size, { logits, maximum, temperature });

    let edgeStart = 0;
    while (edgeStart < size && histogram.binOf(this.#ranked.id(edgeStart)) < edge) edgeStart += 1;
    const kept = topP < 1 ? this.#nucleus(edgeStart, topP * total - before, size) : { end: size, mass: 0 };
    const place = this.#pick(kept.end, histogram.massBefore(first), random * (before + kept.mass));
    return this.#candidates.id(place);
  }

  /** Takes from the histogram all but the first tokens. */
  #keepTop(topK: number, row: Row): void {
    const bin = this.#histogram.binOfRank(topK);
    if (bin === NUM_BINS) return; // the rest has no weight anyway
    const numKept = topK - this.#histogram.countBefore(bin);
    this.#rank({ first: bin, last: bin, other: bin }, row.logits);
    this.#histogram.truncate(bin, this.#weigh(numKept, row));
    for (let i = numKept; i < this.#ranked.size; i += 1) this.#histogram.exclude(this.#ranked.id(i));
  }

  #rank(bins: BinSelection, logits: Float32Array): void {
    this.#ranked.clear();
    this.#histogram.collect(bins, logits, this.#ranked);
    this.#ranked.sort();
  }

  /** Computes the weights of the first ranked tokens, and returns their sum. */
  #weigh(size: number, { logits, maximum, temperature }: Row): number {
    const scale = BINS_PER_NAT / temperature;
    let sum = 0;
    for (let i = 0; i < size; i += 1) {
      const weight = weightAt((maximum - logits[this.#ranked.id(i)]!) * scale);
      this.#weights[i] = weight;
      sum += weight;
    }
    return sum;
  }

  /** Finds the fewest ranked tokens from `start` on that weigh this much, all up to `size` if they don't. */
  #nucleus(start: number, mass: number, size: number): { end: number; mass: number } {
    let sum = 0;
    let end = start;
    while (end < size && sum < mass) {
      sum += this.#weights[end]!;
      end += 1;
    }
    return { end, mass: sum };
  }

  /** The first ranked token before `end` at which the sum, from `mass` on, exceeds the target. */
  #pick(end: number, mass: number, target: number): number {
    let sum = mass;
    let last = 0;
    for (let i = 0; i < end; i += 1) {
      if (this.#weights[i] === 0) break;
      last = i;
      sum += this.#weights[i]!;
      if (sum > target) break;
    }
    // Sums in another order may differ in the last bit, and leave the target just out of reach.
    return this.#ranked.id(last);
  }
}

/** The logit of a token that is just probable enough for min-p. */
function leastLogit(maximum: number, { minP, temperature }: SamplingParams): number {
  return maximum + temperature * Math.log(minP);
}

/** Says why a row of logits with this maximum is no distribution. */
export function complaintAbout(maximum: number): string {
  if (Number.isNaN(maximum)) return 'The model produced NaN: its weights or its arithmetic are broken.';
  return `The model produced no distribution: its greatest logit is ${maximum}.`;
}
