import type { GenerateRequest } from '../engine.js';
import { EngineError } from '../engine-error.js';

/**
 * Checks that a request names no tokens but the model's.
 *
 * @throws EngineError INVALID_FIELD that names the first id outside the vocabulary.
 */
export function checkVocabulary({ prompt, sampling }: GenerateRequest, vocabSize: number): void {
  const check = (ids: Iterable<number>, toField: (index: number, id: number) => string) => {
    let index = 0;
    for (const id of ids) {
      if (!(Number.isInteger(id) && id >= 0 && id < vocabSize))
        throw outside(toField(index, id), id, vocabSize);
      index += 1;
    }
  };
  if (typeof prompt !== 'string') check(prompt, (index) => `prompt_token_ids.ids[${index}]`);
  check(sampling.stopTokenIds, (index) => `stop_token_ids[${index}]`);
  check(sampling.logitBias.keys(), (_, id) => `logit_bias[${id}]`);
}

function outside(field: string, id: number, vocabSize: number): EngineError {
  return new EngineError('INVALID_FIELD', `\`${field}\` must be in [0, ${vocabSize}); got ${id}.`, {
    field,
    metadata: { value: String(id), vocabSize: String(vocabSize) },
  });
}
