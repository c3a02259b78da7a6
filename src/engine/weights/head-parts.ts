import { type StoredTensor, tensorRows } from '../model/safetensors.js';
import { readTensorValues } from '../model/tensor-values.js';

/** The weights of some tokens: f32 [numTokens, E], those of the token `first` before all others. */
export interface HeadPart {
  readonly first: number;
  readonly numTokens: number;
  readonly values: Float32Array;
}

const TOKENS_AT_ONCE = 4096;

/** Reads a head [vocabulary, E] part by part: it is much larger than any layer, so only some tokens' weights are f32 in memory at a time. */
export function* readHead(name: string, source: StoredTensor): Iterable<HeadPart> {
  const vocabSize = source.shape[0]!;
  for (let first = 0; first < vocabSize; first += TOKENS_AT_ONCE) {
    const numTokens = Math.min(TOKENS_AT_ONCE, vocabSize - first);
    yield { first, numTokens, values: readTensorValues(name, tensorRows(source, first, numTokens)) };
  }
}
