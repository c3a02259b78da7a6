import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { createOpenapiDocument } from '../../src/gateway/openapi/document.js';

// biome-ignore lint/suspicious/noExplicitAny: a document of OpenAPI, which tests take apart.
export const OPENAPI: any = createOpenapiDocument('0.0.0-test');

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
ajv.addKeyword('components');
ajv.addSchema({ $id: 'openapi', components: OPENAPI.components }, 'openapi');
const validators = new Map<string, ValidateFunction>();

/** Checks a value against a schema of the OpenAPI document; undefined where it fits, else what is wrong with it. */
export function schemaProblem(name: string, value: unknown): string | undefined {
  let validate = validators.get(name);
  if (validate === undefined) {
    validate = ajv.compile({ $ref: `openapi#/components/schemas/${name}` });
    validators.set(name, validate);
  }
  return validate(value) ? undefined : ajv.errorsText(validate.errors);
}

/** Expects a value to fit a schema of the OpenAPI document. */
export function expectSchema(name: string, value: unknown): void {
  expect(schemaProblem(name, value)).toBeUndefined();
}

/**
 * Expects the OpenAPI document to know an answer: its operation, status, headers, content type, and the schema of its
 * body.
 */
export function expectDocumented(
  { method = 'GET', path }: { method?: string | undefined; path: string },
  { status, headers }: Response,
  body: string,
): void {
  // What is answered before there is an operation.
  if (status === 404 || status === 405) {
    expectSchema('Error', JSON.parse(body));
    return;
  }
  const answer = operationAt(method, path)?.responses[status];
  expect(answer, `${method} ${path} answered ${status}, which is not documented`).toBeDefined();
  const type = headers.get('content-type')?.split(';')[0] ?? '';
  expect(Object.keys(answer.content)).toContain(type);
  for (const name of Object.keys(answer.headers)) {
    if (name !== 'x-linnet-ignored-fields') expect(headers.get(name), name).not.toBeNull();
  }
  const schema = answer.content[type].schema.$ref?.split('/').at(-1);
  if (schema !== undefined) expectSchema(schema, JSON.parse(body));
  if (type === 'text/event-stream') expectDocumentedEvents(body);
}

function operationAt(method: string, path: string) {
  const [known] = path.split('?');
  const at =
    OPENAPI.paths[known ?? ''] ?? OPENAPI.paths[`${path.replace(/\/models\/.+$/, '/models')}/{model}`];
  return at?.[method.toLowerCase()];
}

function expectDocumentedEvents(body: string): void {
  for (const event of body.split('\n\n')) {
    if (!event.startsWith('data: ') || event === 'data: [DONE]') continue;
    const data = JSON.parse(event.slice('data: '.length));
    expectSchema('error' in data ? 'Error' : 'CompletionChunk', data);
  }
}
