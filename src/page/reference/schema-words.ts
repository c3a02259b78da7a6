import { nameOf, type Schema } from './openapi.js';

/** A piece of a description: words, or the name of a schema. */
export type SchemaWord = string | { readonly schemaName: string };

/** Bounds at or beyond which a number is as good as unbounded: those of the types that carry it. */
const GREATEST = 4_294_967_295;

/**
 * Says in words what values a schema allows.
 *
 * @param withNull whether to say that null is allowed too. Of requests it need not be said: there null is the default.
 */
export function toWords(schema: Schema, withNull: boolean): SchemaWord[] {
  const schemaName = nameOf(schema);
  if (schemaName !== undefined) return [{ schemaName }];
  if (schema.anyOf) {
    const parts = schema.anyOf.map((part) => toWords(part, withNull)).filter(({ length }) => length > 0);
    return parts.flatMap((words, index) => (index === 0 ? words : [' or ', ...words]));
  }
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(' or ')];
  const types = [schema.type ?? 'any'].flat();
  const words = types.filter((type) => type !== 'null').flatMap((type) => wordsOf(type, schema, withNull));
  if (withNull && types.includes('null')) words.push(words.length === 0 ? 'null' : ' or null');
  return words;
}

function wordsOf(type: string, schema: Schema, withNull: boolean): SchemaWord[] {
  const { items, additionalProperties: values, properties } = schema;
  if (type === 'array') {
    const range = toRange(schema.minItems, schema.maxItems);
    return [`list${range && ` (${range})`} of `, ...toWords(items ?? {}, withNull)];
  }
  if (type === 'object' && !properties && typeof values === 'object') {
    return ['object of ', ...toWords(values, withNull)];
  }
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
