import { EngineError } from '../engine-error.js';
import type { SamplingParams } from '../sampling/sampling-params.js';

/**
 * Checks that token ids are in the vocabulary.
 *
 * @param toField names the field of an id, by its place and itself
 * @throws EngineError INVALID_FIELD that names the first id outside.
 */
export function checkTokenIds(
  ids: Iterable<number>,
  vocabSize: number,
  toField: (index: number, id: number) => string,
): void {
  let index = 0;
  for (const id of ids) {
    if (!(Number.isInteger(id) && id >= 0 && id < vocabSize))
      throw outside(toField(index, id), id, vocabSize);
    index += 1;
  }
}

/**
 * Checks that sampling parameters name no tokens but the model's.
 *
 * @throws EngineError INVALID_FIELD that names the first id outside the vocabulary.
 */
export function checkSamplingTokens({ stopTokenIds, logitBias }: SamplingParams, vocabSize: number): void {
  checkTokenIds(stopTokenIds, vocabSize, (index) => `stop_token_ids[${index}]`);
  checkTokenIds(logitBias.keys(), vocabSize, (_, id) => `logit_bias[${id}]`);
}

function outside(field: string, id: number, vocabSize: number): EngineError {
  return new EngineError('INVALID_FIELD', `\`${field}\` must be in [0, ${vocabSize}); got ${id}.`, {
    field,
    metadata: { value: String(id), vocabSize: String(vocabSize) },
  });
}
