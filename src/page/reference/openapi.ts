import { callService, type ServiceAccess } from '../api/service.js';

/** A JSON Schema, as far as the service's document uses it. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** An answer that an operation can have. */
export interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

/** One method of one path. */
interface PathOperation {
  /** Left out where another path does the same. */
  readonly operationId?: string;
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema; readonly example?: unknown }>>;
  };
  readonly responses: Readonly<Record<string, Answer>>;
}

/** The service's OpenAPI document. */
export interface OpenapiDocument {
  readonly info: { readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, PathOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** An operation, with all that the page shows of it. */
export interface Operation {
  readonly id: string;
  /** Such as `GET`. */
  readonly method: string;
  readonly path: string;
  /** Other paths that do the same. */
  readonly aliases: readonly string[];
  readonly summary: string;
  /** Names of the parts of the path that are to be filled in. */
  readonly parameters: readonly string[];
  /** The schema of the body and a body to try, where there is a body. */
  readonly body: { readonly schema: Schema; readonly example: unknown } | undefined;
  /** By status. */
  readonly answers: Readonly<Record<string, Answer>>;
}

/** Gets the service's document. Throws a ServiceFailure where it can't be had. */
export async function getDocument(access: ServiceAccess): Promise<OpenapiDocument> {
  const response = await callService('openapi.json', access);
  return (await response.json()) as OpenapiDocument;
}

/** Lists the operations, each once, in the order of the document. */
export function listOperations({ paths }: OpenapiDocument): Operation[] {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  return all.flatMap(({ path, method, operation }) => {
    const { operationId: id, summary, parameters = [], requestBody, responses } = operation;
    if (id === undefined) return [];
    const body = requestBody?.content['application/json'];
    const sameAs = `${summary}; as \`${path}\``;
    return {
      ...{ id, path, summary, answers: responses },
      method: method.toUpperCase(),
      aliases: all.filter((other) => other.operation.summary === sameAs).map((other) => other.path),
      parameters: parameters.map(({ name }) => name),
      body: body && { schema: body.schema, example: body.example ?? {} },
    };
  });
}

/** Finds what a reference names; a schema that is none stays as it is. */
export function resolve({ components }: OpenapiDocument, schema: Schema): Schema {
  return components.schemas[nameOf(schema) ?? ''] ?? schema;
}

/** Gets the name of the schema that a reference names; undefined where it is none. */
export function nameOf({ $ref }: Schema): string | undefined {
  return $ref?.slice($ref.lastIndexOf('/') + 1);
}
