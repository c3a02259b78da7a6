import { LogitsProcessor } from '../sampling/logits-processor.js';
import { RandomNumbers } from '../sampling/random.js';
import { createRowKernels, type RowKernels } from '../sampling/row-kernels.js';
import { type RowLogprob, readLogprob } from '../sampling/row-logprob.js';
import { Sampler } from '../sampling/sampler.js';
import type { Sequence, SequenceFinishReason } from '../scheduling/sequence.js';
import type { LogitRows } from './logit-rows.js';
import type { SequenceOutput } from './step-output.js';

/** What the choice of one sequence's tokens depends on, beside its logits. */
interface Chooser {
  readonly processor: LogitsProcessor;
  /** The tokens that end it. */
  readonly endIds: readonly number[];
  readonly numbers: RandomNumbers;
}

/** The vocabulary, as far as sampling needs to know it. */
export interface SampledVocabulary {
  readonly vocabSize: number;
  readonly endOfTextId: number;
}

/** Chooses the tokens of all sequences of a model from their logits, and tells how probable they were. */
export class SequenceSampler {
  readonly #kernels: RowKernels;
  readonly #sampler: Sampler;
  readonly #vocabSize: number;
  readonly #endOfTextId: number;
  readonly #choosers = new Map<Sequence, Chooser>();

  constructor({ vocabSize, endOfTextId }: SampledVocabulary) {
    this.#kernels = createRowKernels(vocabSize);
    this.#sampler = new Sampler(this.#kernels);
    this.#vocabSize = vocabSize;
    this.#endOfTextId = endOfTextId;
  }

  /** A sequence begins; it has no tokens but its prompt's. */
  add(sequence: Sequence): void {
    const { sampling, tokenIds, numPromptTokens } = sequence;
    const endIds = sampling.ignoreEos ? [] : [this.#endOfTextId];
    endIds.push(...sampling.stopTokenIds);
    const promptIds = tokenIds.subarray(0, numPromptTokens);
    this.#choosers.set(sequence, {
      processor: new LogitsProcessor(sampling, { promptIds, endIds }),
      endIds,
      numbers: new RandomNumbers(sampling.seed),
    });
  }

  /** A sequence has ended. */
  remove(sequence: Sequence): void {
    this.#choosers.delete(sequence);
  }

  /**
   * Chooses a sequence's next token from the first row of its logits, and as long as a draft had it right, the one after
   * it from the next row.
   */
  sample(sequence: Sequence, logits: Float32Array): SequenceOutput {
    const { groupId, index, numDraftTokens, tokenIds: known, numTopLogprobs } = sequence;
    const { endIds } = this.#choosers.get(sequence)!;
    const tokenIds: number[] = [];
    const logprobs: RowLogprob[] | undefined = numTopLogprobs === undefined ? undefined : [];
    let finishReason: SequenceFinishReason | undefined;
    for (let isRight = true; isRight && finishReason === undefined; ) {
      const row = this.#rowOf(logits, tokenIds.length);
      const tokenId = this.#choose(sequence, row);
      logprobs?.push(this.#readLogprob(row, tokenId, numTopLogprobs));
      isRight = tokenIds.length < numDraftTokens && known[sequence.numTokens] === tokenId;
      if (isRight) sequence.numComputedTokens++;
      sequence.append(tokenId);
      tokenIds.push(tokenId);
      finishReason = finishReasonOf(sequence, endIds);
    }
    sequence.lookup?.learn(numDraftTokens, tokenIds.length - 1);
    return { groupId, index, tokenIds, logprobs, promptLogprobs: undefined, finishReason };
  }

  /** Reads how probable the prompt's tokens are that come after its rows; undefined where there are none. */
  readPromptLogprobs(
    { sequence, firstPosition, numPromptRows }: LogitRows,
    logits: Float32Array,
  ): RowLogprob[] | undefined {
    const { tokenIds, numTopLogprobs } = sequence;
    if (numPromptRows === 0) return undefined;
    return Array.from({ length: numPromptRows }, (_, index) =>
      this.#readLogprob(this.#rowOf(logits, index), tokenIds[firstPosition + index + 1]!, numTopLogprobs),
    );
  }

  #rowOf(logits: Float32Array, index: number): Float32Array {
    return logits.subarray(index * this.#vocabSize, (index + 1) * this.#vocabSize);
  }

  #choose(sequence: Sequence, row: Float32Array): number {
    const { processor, numbers } = this.#choosers.get(sequence)!;
    const { logits } = this.#kernels;
    logits.set(row);
    processor.apply(logits);
    numbers.seek(sequence.candidate, sequence.numTokens);
    const tokenId = this.#sampler.sample(sequence.sampling, numbers);
    processor.append(tokenId);
    return tokenId;
  }

  #readLogprob(row: Float32Array, tokenId: number, numTop = 0): RowLogprob {
    this.#kernels.logits.set(row);
    return readLogprob(this.#kernels, tokenId, numTop);
  }
}

/** Whether a sequence's last token ends it. */
function finishReasonOf(
  { tokenIds, numTokens, isFull }: Sequence,
  endIds: readonly number[],
): SequenceFinishReason | undefined {
  if (endIds.includes(tokenIds[numTokens - 1]!)) return 'stop';
  return isFull ? 'length' : undefined;
}
