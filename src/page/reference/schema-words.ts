import { nameOf, type Schema } from './openapi.js';

/** A piece of a description: words, or the name of a schema. */
export type SchemaWord = string | { readonly schemaName: string };

/** Bounds at or beyond which a number is as good as unbounded: those of the types that carry it. */
const GREATEST = 4_294_967_295;

/** How much is said. */
export interface WordOptions {
  /** Whether to say that null is allowed too. Of requests it need not be said: there null is the default. */
  readonly withNull: boolean;
  /** Whether it is said of a list's elements, in short. Default: no. */
  readonly isElement?: boolean;
}

/** Says in words what values a schema allows. */
export function toWords(schema: Schema, options: WordOptions): SchemaWord[] {
  const schemaName = nameOf(schema);
  if (schemaName !== undefined) return [{ schemaName }];
  if (schema.anyOf) return toUnion(schema.anyOf, options);
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(' or ')];
  const types = [schema.type ?? 'any'].flat();
  const words = types.filter((type) => type !== 'null').flatMap((type) => wordsOf(type, schema, options));
  if (options.withNull && types.includes('null')) words.push(words.length === 0 ? 'null' : ' or null');
  return words;
}

function toUnion(parts: readonly Schema[], options: WordOptions): SchemaWord[] {
  const said = parts.map((part) => toWords(part, options)).filter(({ length }) => length > 0);
  const union = said.flatMap((words, index) => (index === 0 ? words : [' or ', ...words]));
  return options.isElement && said.length > 1 ? ['(', ...union, ')'] : union;
}

function wordsOf(type: string, schema: Schema, options: WordOptions): SchemaWord[] {
  const { items, additionalProperties: values, properties } = schema;
  const element = { ...options, isElement: true };
  if (type === 'array') {
    const range = options.isElement ? '' : toRange(schema.minItems, schema.maxItems);
    return [`list of ${range && `${range} `}`, ...toWords(items ?? {}, element)];
  }
  if (type === 'object' && !properties && typeof values === 'object') {
    return ['object of ', ...toWords(values, element)];
  }
  if (options.isElement) return [type];
  if (type === 'string') {
    const range = toRange(schema.minLength, schema.maxLength);
    return [range === '' ? 'string' : `string of ${range} characters`];
  }
  if (schema.exclusiveMinimum !== undefined) {
    return [`${type} greater than ${schema.exclusiveMinimum}, at most ${schema.maximum}`];
  }
  const range = toRange(schema.minimum, schema.maximum);
  return [range === '' ? type : `${type}, ${range}`];
}

function toRange(least: number | undefined, greatest: number | undefined): string {
  const top = greatest !== undefined && greatest < GREATEST ? greatest : undefined;
  const bottom = least !== undefined && least > -GREATEST ? least : undefined;
  if (bottom !== undefined && top !== undefined) return `${bottom} to ${top}`;
  if (bottom !== undefined) return `${bottom} or more`;
  return top === undefined ? '' : `at most ${top}`;
}

/** Finds the object whose fields are worth a list: the schema itself, its list's elements, or one of its kinds. */
export function objectIn(schema: Schema): Schema | undefined {
  if (schema.properties) return schema;
  if (schema.items) return objectIn(schema.items);
  for (const part of schema.anyOf ?? []) {
    const found = objectIn(part);
    if (found) return found;
  }
  return undefined;
}
