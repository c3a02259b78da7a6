import { BlockMaxima, maximumOf } from './block-maxima.js';
import { Candidates } from './candidates.js';
import { type Cut, EVERY_PLACE } from './cut.js';
import { DartBoard } from './dart-board.js';
import { Nucleus, type NucleusRow } from './nucleus.js';
import type { RandomSource } from './random.js';
import { RankCut } from './rank-cut.js';
import { RowSample } from './row-sample.js';
import type { SamplingParams } from './sampling-params.js';
import { BINS_PER_NAT, NUM_BINS } from './softmax-weight.js';

/** Names how tokens are chosen, for fingerprints: another number says that a seed may give other tokens. */
export const SAMPLER_VERSION = 2;

/** Below this the most probable token is all that is left. */
const GREEDY_TEMPERATURE = 1e-5;

/** Up to this part of the vocabulary as top-k, it pays to pack the tokens that it may keep. */
const MAX_PACKED = 0.25;

/** How far below the greatest one, over the temperature, a logit has no weight; beyond doubt, whatever is rounded. */
const WEIGHTLESS_NATS = (NUM_BINS / BINS_PER_NAT) * (1 + 1e-12);

/**
 * Chooses tokens. One for a model: it holds the memory that a choice needs, so that no call allocates any that
 * grows with the vocabulary.
 *
 * Tokens are ranked by logit, equal ones by id, the lowest first. In this order top-k keeps exactly k, min-p those
 * that reach its part of the greatest probability, and top-p the fewest that reach p of what these two left. Of the kept
 * tokens one is drawn by its probability. It is a function of the logits' bits, the parameters and the random numbers,
 * and nothing else.
 */
export class Sampler {
  readonly #vocabSize: number;
  readonly #maxima: BlockMaxima;
  readonly #candidates: Candidates;
  readonly #sample = new RowSample();
  readonly #rankCut: RankCut;
  readonly #board: DartBoard;
  readonly #nucleus: Nucleus;

  /** @param vocabSize The length of a row, at least 1. */
  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
    this.#maxima = new BlockMaxima(vocabSize);
    this.#candidates = new Candidates(vocabSize);
    this.#rankCut = new RankCut(vocabSize);
    this.#board = new DartBoard(this.#maxima, vocabSize);
    this.#nucleus = new Nucleus(this.#maxima, this.#board);
  }

  /**
   * Chooses the next token.
   *
   * @param row A logit for each token of the vocabulary; minus infinity excludes a token.
   * @param numbers Not read where there is nothing to choose.
   * @returns The token's id.
   * @throws Error where the logits have NaN or plus infinity, or are all minus infinity.
   */
  sample(row: Float32Array, params: SamplingParams, numbers: RandomSource): number {
    const { temperature, topK, topP, minP } = params;
    const isGreedy = temperature < GREEDY_TEMPERATURE || topK === 1 || topP === 0;
    const isPacked = topK > 0 && topK <= this.#vocabSize * MAX_PACKED;
    const maximum = isGreedy || isPacked ? maximumOf(row, 0, row.length) : this.#maxima.scan(row);
    if (!Number.isFinite(maximum)) throw new Error(complaintAbout(maximum));
    if (isGreedy) return row.indexOf(maximum);
    const least = maximum + temperature * Math.max(Math.log(minP), -WEIGHTLESS_NATS);
    this.#candidates.takeAll(row);
    const keepsAll = topK === 0 || topK >= this.#vocabSize;
    const cut = keepsAll ? { least, last: EVERY_PLACE } : this.#keepTop(topK, row, { least, maximum });
    const { logits } = this.#candidates;
    const kept = { logits, maximum, scale: BINS_PER_NAT / temperature, cut, topP };
    return this.#candidates.id(this.#draw(kept, numbers));
  }

  #draw(row: NucleusRow, numbers: RandomSource): number {
    if (row.topP < 1) return this.#nucleus.draw(row, numbers);
    this.#board.setUp(row, row.cut);
    return this.#board.draw(numbers);
  }

  /** Finds where top-k ends, among fewer candidates if it keeps few. */
  #keepTop(topK: number, row: Float32Array, range: { least: number; maximum: number }): Cut {
    const bounds = this.#sample.boundsOf(topK, row, range);
    if (topK <= row.length * MAX_PACKED) {
      const size = this.#candidates.takeReaching(bounds.low, row);
      if (size < topK) this.#candidates.takeReaching(bounds.least, row);
      this.#maxima.scan(this.#candidates.logits);
    }
    return this.#rankCut.find(topK, this.#candidates.logits, bounds);
  }
}

/** Says why a row of logits with this maximum is no distribution. */
export function complaintAbout(maximum: number): string {
  if (Number.isNaN(maximum)) return 'The model produced NaN: its weights or its arithmetic are broken.';
  return `The model produced no distribution: its greatest logit is ${maximum}.`;
}
