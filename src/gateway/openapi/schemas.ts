import { z } from 'zod';
import { COMPLETION_FIELDS } from '../completions/completion-fields.js';
import { COMPLETION, COMPLETION_CHUNK, LOGPROBS, USAGE } from '../completions/completion-schemas.js';
import { ERROR } from '../errors/error-schema.js';
import { SCORE_FIELDS } from '../score/score-fields.js';
import { SCORES } from '../score/score-schemas.js';
import { HEALTHY, LIVE, MODEL, MODEL_LIST, SERVICE_INFO, UNHEALTHY } from '../status/status-schemas.js';
import { DETOKENIZE_FIELDS, TOKENIZE_FIELDS } from '../tokenizer/tokenizer-fields.js';
import { DETOKENIZED, TOKENIZED } from '../tokenizer/tokenizer-schemas.js';

const REQUESTS = {
  CompletionRequest: COMPLETION_FIELDS,
  ScoreRequest: SCORE_FIELDS,
  TokenizeRequest: TOKENIZE_FIELDS,
  DetokenizeRequest: DETOKENIZE_FIELDS,
};

const RESPONSES = {
  Completion: COMPLETION,
  CompletionChunk: COMPLETION_CHUNK,
  Logprobs: LOGPROBS,
  Usage: USAGE,
  Scores: SCORES,
  Tokenized: TOKENIZED,
  Detokenized: DETOKENIZED,
  Model: MODEL,
  ModelList: MODEL_LIST,
  Live: LIVE,
  Healthy: HEALTHY,
  Unhealthy: UNHEALTHY,
  ServiceInfo: SERVICE_INFO,
  Error: ERROR,
};

/** The name of a schema of the document. */
export type SchemaName = keyof typeof REQUESTS | keyof typeof RESPONSES;

/** Where a schema is within the document. */
export function schemaRef(name: SchemaName) {
  return { $ref: `#/components/schemas/${name}` };
}

/** Makes the JSON Schemas of all that is received and sent, from what parses the one and types the other. */
export function toJsonSchemas(): Record<string, object> {
  return { ...convert(REQUESTS, 'input'), ...convert(RESPONSES, 'output') };
}

function convert(
  schemas: Readonly<Record<string, z.ZodType>>,
  io: 'input' | 'output',
): Record<string, object> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const converted = z.toJSONSchema(registry, {
    io,
    uri: (id) => `#/components/schemas/${id}`,
    // What a field stands for where it is left out is dropped where a value is transformed.
    override({ zodSchema, jsonSchema }) {
      const notes = z.globalRegistry.get(zodSchema);
      if (notes?.['default'] !== undefined) jsonSchema.default = notes['default'];
    },
  });
  return Object.fromEntries(
    Object.entries(converted.schemas).map(([id, { $schema: _dialect, $id: _id, ...schema }]) => [id, schema]),
  );
}
