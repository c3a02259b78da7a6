import type { RandomSource } from '../../../src/engine/sampling/random.js';
import { createRowKernels } from '../../../src/engine/sampling/row-kernels.js';
import { Sampler } from '../../../src/engine/sampling/sampler.js';
import type { SamplingParams } from '../../../src/engine/sampling/sampling-params.js';

/** A sampler, and what puts rows where it chooses from. */
export class RowSampler {
  readonly #kernels;
  readonly #sampler: Sampler;

  constructor(size: number) {
    this.#kernels = createRowKernels(size);
    this.#sampler = new Sampler(this.#kernels);
  }

  /** Chooses from a row of this size, and leaves it as it is. */
  sample(row: Float32Array, params: SamplingParams, numbers: RandomSource): number {
    this.#kernels.logits.set(row);
    return this.#sampler.sample(params, numbers);
  }
}
