import type { z } from 'zod';
import { ERROR_CATALOGUE } from '../../contract/error-catalogue.js';
import { GatewayError } from '../errors/gateway-error.js';

const MAX_IGNORED_FIELDS = 16;

/**
 * Parses the fields of a body.
 *
 * @throws GatewayError 400 that names the field in `param`; null where it is the body as a whole.
 */
export function parseFields<T extends z.ZodType>(fields: T, body: unknown): z.output<T> {
  const parsed = fields.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalidField(body, issue?.path ?? [], issue?.message ?? 'must be valid');
}

/**
 * Makes the error of a field.
 *
 * @param path where the field is within the body; empty for the body as a whole.
 * @param message what completes "`field` ...", without the value.
 */
export function invalidField(body: unknown, path: readonly PropertyKey[], message: string): GatewayError {
  const value = path.reduce<unknown>((parent, key) => (parent as Record<PropertyKey, unknown>)?.[key], body);
  const names = path.filter((key) => typeof key === 'string');
  const index = path.filter((key) => typeof key === 'number').map((key) => `[${key}]`);
  const subject = names.length === 0 ? 'The body' : `\`${names.join('.')}${index.join('')}\``;
  return new GatewayError(ERROR_CATALOGUE.INVALID_FIELD, `${subject} ${message}; got ${describe(value)}.`, {
    param: names.length === 0 ? undefined : names.join('.'),
  });
}

/** Lists the fields of a body that mean nothing here, at most 16, their names fit for a header. */
export function ignoredFields(body: unknown, known: z.ZodObject): string[] {
  const names = Object.keys(body as object).filter((name) => !Object.hasOwn(known.shape, name));
  return names.slice(0, MAX_IGNORED_FIELDS).map((name) => name.slice(0, 64).replace(/[^\w.-]/g, '?'));
}

/** Says what a value is without saying much of it: prompts are long, and private. */
function describe(value: unknown): string {
  if (typeof value === 'string') {
    return value.length <= 32 ? JSON.stringify(value) : `a string of ${value.length} characters`;
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return value === undefined ? 'nothing' : String(value);
}
