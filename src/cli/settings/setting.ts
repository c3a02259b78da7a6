import { z } from 'zod';

/** One thing that can be configured. */
export interface Setting<T> {
  /** Its key in the config file. */
  readonly name: string;
  /** The command-line flag, with the placeholder that help shows for its value. */
  readonly flag: string;
  /** The environment variable. */
  readonly variable: string;
  /** What it does, for help: a phrase without a full stop. */
  readonly description: string;
  /** Whether its flag may be given again, for a list. */
  readonly isList: boolean;
  /** Which values are allowed, as the end of a sentence that begins "must be". */
  readonly allowed: string;
  /** The default, as one would type it. */
  readonly default: string;
  /** Reads text (flags, environment) or a JSON value (config file). */
  readonly schema: z.ZodType<T>;
  /** Writes a value so that `schema` reads it back. */
  readonly format: (value: T) => string;
}

/** Makes a setting; its value is written by `String` unless it says otherwise. */
export function setting<T>(
  definition: Omit<Setting<T>, 'format' | 'isList'> & Partial<Setting<T>>,
): Setting<T> {
  return { format: String, isList: false, ...definition };
}

/** Reads a whole number in a range. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  const text = z.string().trim().regex(/^\d+$/).transform(Number);
  return z.union([z.number(), text]).pipe(z.int().min(min).max(max));
}

/** Reads a port; 0 picks a free one. */
export const port = wholeNumber(0, 65_535);

/** Reads `yes` or `no`, or their like. */
export const yesOrNo: z.ZodType<boolean> = z.union([z.boolean(), z.stringbool()]);

/** Writes `yes` or `no`. */
export function formatYesOrNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

/** Reads an amount with a unit, in a range. */
export function quantity(
  parse: (text: string) => number | undefined,
  min: number,
  max: number,
): z.ZodType<number> {
  const text = z.union([z.number(), z.string()]).transform((value) => parse(String(value)) ?? Number.NaN);
  return text.pipe(z.number().min(min).max(max));
}

/** Reads the path of a file; `none` is undefined. */
export const optionalPath: z.ZodType<string | undefined> = z
  .string()
  .trim()
  .min(1)
  .transform((path) => (path === 'none' ? undefined : path));

/** Writes a value that may be missing. */
export function formatOptional(value: string | number | undefined): string {
  return value === undefined ? 'none' : String(value);
}
