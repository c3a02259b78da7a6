import { STATUS_CODES } from 'node:http';
import type { ErrorKind } from '../errors/gateway-error.js';
import { OPERATIONS, type Operation } from './operations.js';
import { schemaRef, toJsonSchemas } from './schemas.js';

const RETRY_HEADERS = {
  'retry-after': {
    description: 'Seconds after which to try again.',
    schema: { type: 'integer', minimum: 1 },
  },
  'retry-after-ms': { description: 'The same in milliseconds.', schema: { type: 'integer', minimum: 0 } },
};
const AUTHENTICATE_HEADER = {
  'www-authenticate': { description: 'How to say who one is.', schema: { type: 'string', const: 'Bearer' } },
};
const NO_RETRY_HEADER = {
  'x-should-retry': {
    description: 'Keeps the OpenAI libraries from asking again for what takes too long.',
    schema: { type: 'string', const: 'false' },
  },
};
const REQUEST_ID = {
  'x-request-id': {
    description: 'Names the request in the logs: as the caller did, or anew.',
    schema: { type: 'string', pattern: '^[\\w.-]{1,128}$' },
  },
};
const IGNORED_FIELDS = {
  'x-linnet-ignored-fields': {
    description: 'Fields of the request that mean nothing here, where there are any.',
    schema: { type: 'string' },
  },
};

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'An API key, where the service asks for one.' },
  header: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'The same in another header.' },
};
// Nothing, or either of them: whether keys are asked for is up to who runs the service.
const SECURITY = [{}, { bearer: [] }, { header: [] }];

/**
 * Makes the OpenAPI 3.1 document of the gateway.
 *
 * @param version of the package.
 */
export function createOpenapiDocument(version: string) {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) {
    for (const path of operation.paths)
      paths[path] = { ...paths[path], [operation.method]: toOperation(operation, path) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Linnet',
      version,
      description:
        'GPT-2 completions in the OpenAI protocol. `null` stands for the default in every field of a request; fields that the service does not know are ignored, and named in a header of the answer.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas: toJsonSchemas(), securitySchemes: SECURITY_SCHEMES },
  };
}

function toOperation(operation: Operation, path: string) {
  const { id, summary, paths, request } = operation;
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true, schema: { type: 'string', minLength: 1 } },
  }));
  return {
    ...(path === paths[0] ? { operationId: id, summary } : { summary: `${summary}; as \`${paths[0]}\`` }),
    ...(parameters.length > 0 && { parameters }),
    ...(request && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: schemaRef(request.schema), example: request.example } },
      },
    }),
    ...(operation.errors.some(({ http }) => http === 401) && { security: SECURITY }),
    responses: toResponses(operation),
  };
}

function toResponses({ request, answer, errors, errorSchema = 'Error' }: Operation) {
  const content = Object.entries(answer.content).map(([type, schema]) => [
    type,
    { schema: typeof schema === 'string' ? schemaRef(schema) : schema },
  ]);
  const headers = { ...REQUEST_ID, ...(request && IGNORED_FIELDS) };
  const ok = { description: answer.description, headers, content: Object.fromEntries(content) };
  const statuses = [...new Set(errors.map(({ http }) => http))].sort((a, b) => a - b);
  return {
    200: ok,
    ...Object.fromEntries(
      statuses.map((status) => [
        status,
        {
          description: describe(status, errors),
          headers: { ...REQUEST_ID, ...headersOf(status) },
          content: { 'application/json': { schema: schemaRef(errorSchema) } },
        },
      ]),
    ),
  };
}

function headersOf(status: number): Readonly<Record<string, object>> {
  if (status === 401) return AUTHENTICATE_HEADER;
  if (status === 504) return NO_RETRY_HEADER;
  return status === 429 || status === 503 ? RETRY_HEADERS : {};
}

function describe(status: number, errors: readonly ErrorKind[]): string {
  const codes = errors.filter(({ http }) => http === status).map(({ openaiCode }) => `\`${openaiCode}\``);
  return `${STATUS_CODES[status]}: ${codes.join(', ')}.`;
}
