import { z } from 'zod';

// Each message completes "`field` ..."; the parser puts the field's name before it and the value after it.

/** The largest integer that the contract's `uint32` fields hold. */
export const UINT32_MAX = 2 ** 32 - 1;

/** What is said of text that UTF-8 can not hold. */
export const SURROGATE = 'must be well-formed Unicode, without lone surrogates';

/** What is said of a token id. */
export const TOKEN_ID = `must be a token id: an integer from 0 to ${UINT32_MAX}`;

/** What the document says about a field, beside its type. */
export interface FieldNotes {
  /** Whole sentences. */
  readonly description: string;
  /** What null, or no value, stands for; left out where that is "none". */
  readonly default?: string | number | boolean;
}

/** Makes a field of an HTTP request: it may be left out, or null, and either is undefined from here on. */
export function optional<T extends z.ZodType>(schema: T, notes: FieldNotes) {
  return schema
    .nullish()
    .transform((value) => value ?? undefined)
    .meta({ ...notes });
}

/** Makes the type of an integer in a range; without `max`, the contract's own. */
export function integer(min: number, max = UINT32_MAX) {
  const message = `must be an integer from ${min} to ${max}`;
  return z.int(message).min(min, message).max(max, message);
}

/** Makes the type of a number in a range. */
export function number(min: number, max: number) {
  const message = `must be a number from ${min} to ${max}`;
  return z.number(message).min(min, message).max(max, message);
}

/** Makes the type of a truth value. */
export function boolean() {
  return z.boolean('must be true or false');
}

/** Makes the type of any text. */
export function string() {
  return z.string('must be a string');
}

/** What is wrong with a value, and where within it. */
export interface Problem {
  readonly message: string;
  readonly path?: readonly number[];
}

/**
 * Makes a type that a function checks, for values so large, or so various, that one pass by hand is worth it.
 *
 * @param parse returns the value parsed, or throws its `Problem`.
 * @param jsonSchema describes the same for the document; tests hold the two together.
 */
export function parsedBy<T>(parse: (value: unknown) => Parsed<T>, jsonSchema: object) {
  return z
    .unknown()
    .meta({ ...jsonSchema })
    .transform((value, context): T => {
      const { problem, parsed } = parse(value);
      if (problem === undefined) return parsed;
      context.addIssue({
        code: 'custom',
        input: value,
        message: problem.message,
        path: [...(problem.path ?? [])],
      });
      return z.NEVER;
    });
}

/** What came of a value: itself in the contract's form, or what is wrong with it. */
export type Parsed<T> =
  | { readonly parsed: T; readonly problem?: undefined }
  | { readonly parsed?: undefined; readonly problem: Problem };

/** Tells whether a text has surrogates that form no character, which UTF-8 can not hold. */
export function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

/** Finds the first value that is no token id; -1 where all are. */
export function findBadTokenId(values: readonly unknown[]): number {
  return values.findIndex((id) => !Number.isInteger(id) || (id as number) < 0 || (id as number) > UINT32_MAX);
}

/** Describes a token id for the document. */
export const TOKEN_ID_SCHEMA = { type: 'integer', minimum: 0, maximum: UINT32_MAX } as const;
