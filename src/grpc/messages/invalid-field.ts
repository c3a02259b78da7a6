import { EngineError } from '../../engine/index.js';

/** A value that is not acceptable. */
export interface InvalidField {
  /** The field in the proto's spelling: `max_tokens`. */
  readonly field: string;
  /** What the value must be, to follow "must be": `between 0 and 2`. */
  readonly mustBe: string;
  /** The value, or its size where it could be long. */
  readonly got: string | number;
}

/** Makes the error for a value that is not acceptable: "`max_tokens` must be at least 1; got 0." */
export function invalidField({ field, mustBe, got }: InvalidField): EngineError {
  const metadata = { must_be: mustBe, got: String(got) };
  return new EngineError('INVALID_FIELD', `\`${field}\` must be ${mustBe}; got ${got}.`, { field, metadata });
}
