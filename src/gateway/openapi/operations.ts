import { ERROR_CATALOGUE as ENGINE } from '../../contract/error-catalogue.js';
import type { ErrorKind } from '../errors/gateway-error.js';
import { REQUEST_ERROR_CATALOGUE as REQUEST } from '../errors/request-error-catalogue.js';
import { type SchemaName, schemaRef } from './schemas.js';

type JsonSchema = Readonly<Record<string, unknown>>;

/** What one method of a path does. */
export interface Operation {
  readonly id: string;
  readonly method: 'get' | 'post';
  /** All paths that do it, the one to use first. */
  readonly paths: readonly string[];
  readonly summary: string;
  /** The schema of the body, and a body to try. */
  readonly request?: { readonly schema: SchemaName; readonly example: object };
  /** The answer with status 200: a schema for each content type. */
  readonly answer: {
    readonly description: string;
    readonly content: Readonly<Record<string, SchemaName | JsonSchema>>;
  };
  /** The ways in which it can fail. */
  readonly errors: readonly ErrorKind[];
  /** How it says so. Default: `Error`. */
  readonly errorSchema?: SchemaName;
}

const BODY_ERRORS = [
  ...[REQUEST.INVALID_JSON, REQUEST.INVALID_UTF8, REQUEST.INVALID_REQUEST, REQUEST.REQUEST_TOO_LARGE],
  ...[REQUEST.UNSUPPORTED_MEDIA_TYPE, ENGINE.INVALID_FIELD],
];
const ENGINE_ERRORS = [ENGINE.INTERNAL, ENGINE.ENGINE_UNAVAILABLE, ENGINE.DEADLINE_EXCEEDED];
const KEY_ERRORS = [ENGINE.API_KEY_MISSING, ENGINE.API_KEY_INVALID];
const MODEL_ERRORS = [ENGINE.MODEL_NOT_FOUND, ENGINE.MODEL_LOAD_FAILED];
const COMPUTE_ERRORS = [
  ...[...BODY_ERRORS, ...ENGINE_ERRORS, ...MODEL_ERRORS],
  ...[...KEY_ERRORS, ENGINE.CONTEXT_LENGTH_EXCEEDED, ENGINE.QUEUE_FULL, ENGINE.RATE_LIMIT_EXCEEDED],
];

// OpenAPI 3.1 has no word for events. Of a text this says nothing; programs that read events find their data described.
const DATA = { anyOf: [schemaRef('CompletionChunk'), schemaRef('Error')] };
const EVENTS: JsonSchema = {
  properties: {
    data: {
      anyOf: [{ const: '[DONE]' }, { contentMediaType: 'application/json', contentSchema: DATA }],
    },
  },
};

/** Everything that the gateway does. */
export const OPERATIONS: readonly Operation[] = [
  {
    id: 'createCompletion',
    method: 'post',
    paths: ['/v1/completions', '/completions'],
    summary: 'Completes a prompt, or several',
    request: {
      schema: 'CompletionRequest',
      example: { prompt: 'The future of AI is', max_tokens: 15 },
    },
    answer: {
      description:
        'The completion; where `stream` is true, server-sent events: the data of each is a `CompletionChunk`, of the last one `[DONE]`, or an `Error`.',
      content: { 'application/json': 'Completion', 'text/event-stream': EVENTS },
    },
    errors: COMPUTE_ERRORS,
  },
  {
    id: 'createScore',
    method: 'post',
    paths: ['/v1/score', '/score'],
    summary: 'Tells how probable texts are as continuations of a context',
    request: {
      schema: 'ScoreRequest',
      example: { context: 'Once upon a', continuations: [' time', ' table'] },
    },
    answer: { description: 'The scores.', content: { 'application/json': 'Scores' } },
    errors: COMPUTE_ERRORS,
  },
  {
    id: 'tokenize',
    method: 'post',
    paths: ['/tokenize', '/v1/tokenize'],
    summary: 'Splits text into tokens',
    request: { schema: 'TokenizeRequest', example: { prompt: 'The future of AI is' } },
    answer: { description: 'The tokens.', content: { 'application/json': 'Tokenized' } },
    errors: [...BODY_ERRORS, ...KEY_ERRORS, ...ENGINE_ERRORS, ENGINE.MODEL_NOT_FOUND],
  },
  {
    id: 'detokenize',
    method: 'post',
    paths: ['/detokenize', '/v1/detokenize'],
    summary: 'Joins tokens to text',
    request: { schema: 'DetokenizeRequest', example: { tokens: [464, 2003, 286, 9552, 318] } },
    answer: { description: 'The text.', content: { 'application/json': 'Detokenized' } },
    errors: [...BODY_ERRORS, ...KEY_ERRORS, ...ENGINE_ERRORS, ENGINE.MODEL_NOT_FOUND],
  },
  {
    id: 'listModels',
    method: 'get',
    paths: ['/v1/models', '/models'],
    summary: 'Lists the models, the default one first',
    answer: { description: 'The models.', content: { 'application/json': 'ModelList' } },
    errors: [...KEY_ERRORS, ...ENGINE_ERRORS],
  },
  {
    id: 'retrieveModel',
    method: 'get',
    paths: ['/v1/models/{model}', '/models/{model}'],
    summary: 'Describes a model',
    answer: { description: 'The model.', content: { 'application/json': 'Model' } },
    errors: [
      ...[...KEY_ERRORS, ...ENGINE_ERRORS, ENGINE.MODEL_NOT_FOUND],
      ...[ENGINE.INVALID_FIELD, REQUEST.INVALID_REQUEST],
    ],
  },
  {
    id: 'health',
    method: 'get',
    paths: ['/health'],
    summary: 'Tells whether the service can answer requests',
    answer: { description: 'It can.', content: { 'application/json': 'Healthy' } },
    errors: [ENGINE.ENGINE_UNAVAILABLE, ENGINE.MODEL_LOAD_FAILED],
    errorSchema: 'Unhealthy',
  },
  {
    id: 'ready',
    method: 'get',
    paths: ['/health/ready'],
    summary: 'Tells whether the service can answer requests, and has room in its queue',
    answer: { description: 'It can, and has.', content: { 'application/json': 'Healthy' } },
    errors: [ENGINE.ENGINE_UNAVAILABLE, ENGINE.MODEL_LOAD_FAILED],
    errorSchema: 'Unhealthy',
  },
  {
    id: 'startup',
    method: 'get',
    paths: ['/health/startup'],
    summary: 'Tells whether the service has been able to answer requests at any time',
    answer: { description: 'It has.', content: { 'application/json': 'Live' } },
    errors: [ENGINE.ENGINE_UNAVAILABLE],
    errorSchema: 'Unhealthy',
  },
  {
    id: 'live',
    method: 'get',
    paths: ['/health/live'],
    summary: 'Tells that the process runs',
    answer: { description: 'It does.', content: { 'application/json': 'Live' } },
    errors: [],
  },
  {
    id: 'metrics',
    method: 'get',
    paths: ['/metrics'],
    summary: 'Gives the metrics of the service',
    answer: {
      description: "In Prometheus' text format.",
      content: { 'text/plain': { type: 'string' } },
    },
    errors: KEY_ERRORS,
  },
  {
    id: 'serviceInfo',
    method: 'get',
    paths: ['/'],
    summary: 'Tells what the service is, with examples',
    answer: {
      description: 'As JSON, or as a page for a browser.',
      content: { 'application/json': 'ServiceInfo', 'text/html': { type: 'string' } },
    },
    errors: [],
  },
  {
    id: 'docs',
    method: 'get',
    paths: ['/docs'],
    summary: 'Shows this document to a browser, to read and to try',
    answer: { description: 'A page.', content: { 'text/html': { type: 'string' } } },
    errors: [],
  },
  {
    id: 'openapi',
    method: 'get',
    paths: ['/openapi.json'],
    summary: 'Gives this document',
    answer: { description: 'The document.', content: { 'application/json': { type: 'object' } } },
    errors: [],
  },
];
