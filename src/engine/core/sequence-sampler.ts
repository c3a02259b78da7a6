import { LogitsProcessor } from '../sampling/logits-processor.js';
import { RandomNumbers } from '../sampling/random.js';
import { type RowLogprob, readLogprob } from '../sampling/row-logprob.js';
import { Sampler } from '../sampling/sampler.js';
import type { Sequence, SequenceFinishReason } from '../scheduling/sequence.js';
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
  readonly #sampler: Sampler;
  readonly #vocabSize: number;
  readonly #endOfTextId: number;
  /** Where a row is changed that is still needed as it was. */
  readonly #scratch: Float32Array;
  readonly #choosers = new Map<Sequence, Chooser>();

  constructor({ vocabSize, endOfTextId }: SampledVocabulary) {
    this.#sampler = new Sampler(vocabSize);
    this.#vocabSize = vocabSize;
    this.#endOfTextId = endOfTextId;
    this.#scratch = new Float32Array(vocabSize);
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
   * it from the next row. The rows may be overwritten, unless they are to be kept.
   */
  sample(sequence: Sequence, logits: Float32Array, keepsLogits = false): SequenceOutput {
    const { groupId, index, numDraftTokens, tokenIds: known, numTopLogprobs } = sequence;
    const { endIds } = this.#choosers.get(sequence)!;
    const tokenIds: number[] = [];
    const logprobs: RowLogprob[] | undefined = numTopLogprobs === undefined ? undefined : [];
    let finishReason: SequenceFinishReason | undefined;
    for (let isRight = true; isRight && finishReason === undefined; ) {
      const start = tokenIds.length * this.#vocabSize;
      const row = logits.subarray(start, start + this.#vocabSize);
      const tokenId = this.#choose(sequence, row, keepsLogits || logprobs !== undefined);
      logprobs?.push(readLogprob(row, tokenId, numTopLogprobs!));
      isRight = tokenIds.length < numDraftTokens && known[sequence.numTokens] === tokenId;
      if (isRight) sequence.numComputedTokens++;
      sequence.append(tokenId);
      tokenIds.push(tokenId);
      finishReason = finishReasonOf(sequence, endIds);
    }
    sequence.lookup?.learn(numDraftTokens, tokenIds.length - 1);
    return { groupId, index, tokenIds, logprobs, promptLogprobs: undefined, finishReason };
  }

  #choose(sequence: Sequence, row: Float32Array, keepsRow: boolean): number {
    const { processor, numbers } = this.#choosers.get(sequence)!;
    if (keepsRow) this.#scratch.set(row);
    const changed = keepsRow ? this.#scratch : row;
    processor.apply(changed);
    numbers.seek(sequence.candidate, sequence.numTokens);
    const tokenId = this.#sampler.sample(changed, sequence.sampling, numbers);
    processor.append(tokenId);
    return tokenId;
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
