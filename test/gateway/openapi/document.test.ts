import { Validator } from '@seriousme/openapi-schema-validator';
import fc from 'fast-check';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../../src/gateway/app.js';
import { COMPLETION_FIELDS } from '../../../src/gateway/completions/completion-fields.js';
import { parseCompletionRequest } from '../../../src/gateway/completions/completion-request.js';
import { GatewayError } from '../../../src/gateway/errors/gateway-error.js';
import { parseFields } from '../../../src/gateway/fields/request-parser.js';
import { parseGatewayConfig } from '../../../src/gateway/gateway-config.js';
import { GatewayMetrics } from '../../../src/gateway/gateway-metrics.js';
import { Lifecycle } from '../../../src/gateway/lifecycle.js';
import { SCORE_FIELDS } from '../../../src/gateway/score/score-fields.js';
import { DETOKENIZE_FIELDS, TOKENIZE_FIELDS } from '../../../src/gateway/tokenizer/tokenizer-fields.js';
import { anyBody } from '../../support/any-body.js';
import { OPENAPI, schemaProblem } from '../../support/documented.js';
import { ScriptedService } from '../../support/scripted-service.js';
import { type JsonResponse, startTestGateway, type TestGateway } from '../../support/test-gateway.js';

let service: ScriptedService;
let gateway: TestGateway;
beforeAll(async () => {
  service = await ScriptedService.start();
  gateway = await startTestGateway({ engineAddress: service.address });
});
afterAll(async () => {
  await gateway.close();
  service.stop();
});

describe('GET /openapi.json', () => {
  it('gives a valid document of OpenAPI 3.1', async () => {
    const response: JsonResponse = await fetch(`${gateway.url}/openapi.json`);
    const document = await response.json();
    expect(document).toEqual(JSON.parse(JSON.stringify(OPENAPI)));
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('has exactly the paths and methods that the app has', () => {
    expect(routesOf(OPENAPI)).toEqual(routesOfApp());
  });

  it('names each operation once, and each field of a request with a description', () => {
    const operations = Object.values<Record<string, { operationId?: string }>>(OPENAPI.paths).flatMap(
      Object.values,
    );
    const ids = operations.flatMap(({ operationId }) => operationId ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    for (const name of ['CompletionRequest', 'ScoreRequest', 'TokenizeRequest', 'DetokenizeRequest']) {
      const { properties } = OPENAPI.components.schemas[name];
      for (const [field, schema] of Object.entries<{ description?: string }>(properties)) {
        expect(schema.description, field).toMatch(/^[A-Z].*\.$/);
      }
    }
  });

  it('tells the defaults that the service has', () => {
    const { properties } = OPENAPI.components.schemas.CompletionRequest;
    const defaults = Object.entries<{ default?: unknown }>(properties)
      .filter(([, schema]) => schema.default !== undefined)
      .map(([field, schema]) => [field, schema.default]);
    expect(Object.fromEntries(defaults)).toMatchObject({ max_tokens: 16, temperature: 1, top_p: 1, n: 1 });
    const examples = Object.values<Record<string, { requestBody?: unknown }>>(OPENAPI.paths);
    expect(JSON.stringify(examples)).toContain('"example":{"prompt":"The future of AI is","max_tokens":15}');
  });
});

const PARSERS = {
  CompletionRequest: { parse: parseCompletionRequest, fields: COMPLETION_FIELDS },
  ScoreRequest: { parse: (body: unknown) => parseFields(SCORE_FIELDS, body), fields: SCORE_FIELDS },
  TokenizeRequest: { parse: (body: unknown) => parseFields(TOKENIZE_FIELDS, body), fields: TOKENIZE_FIELDS },
  DetokenizeRequest: {
    parse: (body: unknown) => parseFields(DETOKENIZE_FIELDS, body),
    fields: DETOKENIZE_FIELDS,
  },
};

/** What JSON Schema can not say, or says of two fields at a time. */
const BEYOND_THE_SCHEMA =
  /lone surrogates|of 1 to 256 bytes|integer of 64 bits|integers from 0 to 4294967295, not|unless `stream`|where `stream`|at least `n`/;

describe('The schema of a request', () => {
  it.each(Object.entries(PARSERS))(
    '%s takes what the parser takes, and refuses the rest',
    (name, { parse, fields }) => {
      let numTaken = 0;
      let numRefused = 0;
      fc.assert(
        fc.property(anyBody(fields), (body) => {
          const refusal = refusalOf(parse, body);
          const problem = schemaProblem(name, body);
          if (refusal === undefined) {
            expect(problem).toBeUndefined();
            numTaken++;
          } else if (problem === undefined) expect(refusal).toMatch(BEYOND_THE_SCHEMA);
          else numRefused++;
        }),
        { numRuns: 3000 },
      );
      expect(numTaken).toBeGreaterThan(300);
      expect(numRefused).toBeGreaterThan(300);
    },
  );
});

function refusalOf(parse: (body: unknown) => unknown, body: unknown): string | undefined {
  try {
    parse(body);
    return undefined;
  } catch (caught) {
    if (caught instanceof GatewayError) return caught.message;
    throw caught;
  }
}

function routesOf(document: typeof OPENAPI): string[] {
  return Object.entries<object>(document.paths)
    .flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method} ${path}`))
    .toSorted();
}

interface AppRoute {
  readonly path: string | string[];
  readonly methods: Record<string, boolean>;
}

function routesOfApp(): string[] {
  const unused = {} as never;
  const app = createApp({
    ...{
      completions: unused,
      scores: unused,
      tokenizer: unused,
      status: unused,
      engines: unused,
      version: '0',
    },
    ...{ keys: undefined, metrics: new GatewayMetrics(), renderMetrics: unused },
    ...{ config: parseGatewayConfig({}), lifecycle: new Lifecycle(), logger: pino({ enabled: false }) },
  });
  const layers: readonly { readonly route?: unknown }[] = app.router.stack;
  const routes = layers.flatMap(({ route }) => (route ? [route as AppRoute] : []));
  return routes
    .flatMap(({ path, methods }) =>
      [path].flat().flatMap((one) =>
        Object.keys(methods)
          .filter((method) => method !== '_all')
          .map((method) => `${method} ${one.replace('*id', '{model}')}`),
      ),
    )
    .toSorted();
}
