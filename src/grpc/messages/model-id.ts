import { invalidField } from './invalid-field.js';

const MAX_MODEL_ID_BYTES = 256;

/**
 * Checks that a model's id is short enough to be repeated in an error, which travels in a header.
 *
 * @throws EngineError INVALID_FIELD.
 */
export function parseModelId(field: string, id: string): string {
  const bytes = Buffer.byteLength(id);
  if (bytes <= MAX_MODEL_ID_BYTES) return id;
  throw invalidField({
    field,
    mustBe: `at most ${MAX_MODEL_ID_BYTES} bytes of UTF-8`,
    got: `${bytes} bytes`,
  });
}
