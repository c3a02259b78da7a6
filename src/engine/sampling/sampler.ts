import { type Cut, EVERY_PLACE, toFloat32Above } from './cut.js';
import { DartBoard } from './dart-board.js';
import type { RandomSource } from './random.js';
import { RankCut } from './rank-cut.js';
import { BLOCK_SIZE, type RowKernels } from './row-kernels.js';
import { RowSample } from './row-sample.js';
import type { SamplingParams } from './sampling-params.js';
import { NUM_OCTAVES } from './softmax-weight.js';

/** Names how tokens are chosen, for fingerprints: another number says that a seed may give other tokens. */
export const SAMPLER_VERSION = 3;

/** Below this the most probable token is all that is left. */
const GREEDY_TEMPERATURE = 1e-5;

/** How far below the greatest one, over the temperature, a logit has no weight; beyond doubt, whatever is rounded. */
const WEIGHTLESS_NATS = NUM_OCTAVES * Math.LN2 * (1 + 1e-12);

/**
 * Chooses tokens. One for a model: no call allocates memory that grows with the vocabulary.
 *
 * Tokens are ranked by logit, equal ones by id, the lowest first. In this order top-k keeps exactly k, min-p those
 * that reach its part of the greatest probability, and top-p the fewest that reach p of what these two left. Of the kept
 * tokens one is drawn by its probability. It is a function of the logits' bits, the parameters and the random numbers,
 * and nothing else.
 */
export class Sampler {
  readonly #kernels: RowKernels;
  readonly #rowSample = new RowSample();
  readonly #rankCut: RankCut;
  readonly #board: DartBoard;

  /** @param kernels Where the row is that is chosen from. */
  constructor(kernels: RowKernels) {
    this.#kernels = kernels;
    this.#rankCut = new RankCut(kernels);
    this.#board = new DartBoard(kernels);
  }

  /**
   * Chooses the next token from the kernels' row, a logit for each token of the vocabulary, of which minus infinity
   * excludes one. The row is not the same afterwards.
   *
   * @param numbers Not read where there is nothing to choose.
   * @returns The token's id.
   * @throws Error where the logits have NaN or plus infinity, or are all minus infinity.
   */
  sample(params: SamplingParams, numbers: RandomSource): number {
    const { temperature, topK, topP } = params;
    const maximum = scanDistribution(this.#kernels);
    if (temperature < GREEDY_TEMPERATURE || topK === 1 || topP === 0) return this.#firstOf(maximum);
    const cut = this.#cutOf(params, maximum);
    if (cut !== undefined) this.#kernels.keep(cut.least, cut.last);
    const scale = Math.LOG2E / temperature;
    if (topP < 1) return this.#drawFirst(topP, { maximum, scale, numbers });
    this.#board.setUp(maximum, scale);
    return this.#board.draw(numbers);
  }

  #firstOf(logit: number): number {
    const { logits, maxima } = this.#kernels;
    return logits.indexOf(logit, maxima.indexOf(logit) * BLOCK_SIZE);
  }

  /** What top-k and min-p keep; undefined where they are off. */
  #cutOf({ temperature, topK, minP }: SamplingParams, maximum: number): Cut | undefined {
    const { logits } = this.#kernels;
    const least = toFloat32Above(maximum + temperature * Math.max(Math.log(minP), -WEIGHTLESS_NATS));
    if (topK === 0 || topK >= logits.length) return minP > 0 ? { least, last: EVERY_PLACE } : undefined;
    return this.#rankCut.find(topK, this.#rowSample.boundsOf(topK, logits, { least, maximum }));
  }

  /**
   * Draws of the tokens that top-p keeps: the fewest most probable ones that reach p of what the other filters left. One is
   * drawn of all, and it is in this nucleus if those before it have less than p together, which takes a sum and no
   * order. If not, the next is drawn of those before it.
   */
  #drawFirst(topP: number, { maximum, scale, numbers }: Draw): number {
    const { logits } = this.#kernels;
    const enough = topP * this.#kernels.weigh(maximum, scale);
    for (;;) {
      this.#board.setUp(maximum, scale);
      const place = this.#board.draw(numbers);
      if (this.#kernels.keep(logits[place]!, place - 1) < enough) return place;
    }
  }
}

interface Draw {
  readonly maximum: number;
  /** Octaves of weight for each unit of logits. */
  readonly scale: number;
  readonly numbers: RandomSource;
}

/**
 * Scans the kernels' row, and returns its greatest logit.
 *
 * @throws Error where it is no distribution, which says why.
 */
export function scanDistribution(kernels: RowKernels): number {
  const maximum = kernels.scan();
  if (Number.isFinite(maximum)) return maximum;
  if (Number.isNaN(maximum)) {
    throw new Error('The model produced NaN: its weights or its arithmetic are broken.');
  }
  throw new Error(`The model produced no distribution: its greatest logit is ${maximum}.`);
}
