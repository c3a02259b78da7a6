import type { LoadOptions } from './load-options.js';
import { createRandom, drawLength } from './random.js';

/** One of the requests of a load. */
export interface LoadRequest {
  readonly promptTokenIds: readonly number[];
  /** Its completion has exactly as many tokens, since it ignores the end of text. */
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
  readonly model: string;
}

/** GPT-2's vocabulary, without the end of text. */
const VOCABULARY_SIZE = 50_256;

/** Makes the requests of a load, the same for the same options. */
export function createRequestMix(options: LoadOptions): readonly LoadRequest[] {
  const random = createRandom(options.seed);
  return Array.from({ length: options.variety }, (_, index) => {
    const length = drawLength(options.promptTokens, random);
    return {
      promptTokenIds: Array.from({ length }, () => Math.floor(random() * VOCABULARY_SIZE)),
      maxTokens: drawLength(options.completionTokens, random),
      temperature: options.temperature,
      seed: options.seed + index,
      model: options.model,
    };
  });
}
