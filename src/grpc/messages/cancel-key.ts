import { invalidField } from './invalid-field.js';

const CANCEL_KEY = /^[\w.-]{16,128}$/;

/**
 * Parses a cancel key.
 *
 * @throws EngineError INVALID_FIELD. The key is a secret, so the error does not repeat it.
 */
export function parseCancelKey(key: string): string {
  if (CANCEL_KEY.test(key)) return key;
  const mustBe = '16 to 128 characters of `A-Z a-z 0-9 _ . -`';
  throw invalidField({ field: 'cancel_key', mustBe, got: `${key.length} characters` });
}
