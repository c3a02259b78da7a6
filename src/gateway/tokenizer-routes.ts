import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import type { GatewayConfig } from './gateway-config.js';
import type { Lifecycle } from './lifecycle.js';
import { setIgnoredFields } from './request-headers.js';
import { ignoredFields, parseFields } from './request-parser.js';
import { createRequestSignal } from './request-signal.js';
import { toTokenString } from './token-string.js';
import type { TokenizerClient } from './tokenizer-client.js';
import { DETOKENIZE_FIELDS, TOKENIZE_FIELDS } from './tokenizer-fields.js';
import type { Detokenized, Tokenized } from './tokenizer-schemas.js';
import type { UnaryCallOptions } from './unary-call.js';

/** What the routes need. */
export interface TokenizerRouteDeps {
  readonly tokenizer: TokenizerClient;
  readonly config: GatewayConfig;
  readonly lifecycle: Lifecycle;
}

/** Makes the handler of `POST /tokenize`. */
export function createTokenizeRoute(deps: TokenizerRouteDeps): RequestHandler {
  return async (request, response) => {
    const fields = parseBody(TOKENIZE_FIELDS, request, response);
    const { model = '', prompt: text, return_token_strs: withStrings } = fields;
    const { tokens, contextLength } = await deps.tokenizer.tokenize(
      { model, text },
      toOptions(response, deps),
    );
    const tokenized: Tokenized = {
      count: tokens.length,
      max_model_len: contextLength || null,
      tokens: tokens.map(({ id }) => id),
      token_strs: withStrings ? tokens.map(({ bytes }) => toTokenString(bytes)) : null,
      text_offset: withStrings ? tokens.map(({ textOffset }) => textOffset) : null,
    };
    response.json(tokenized);
  };
}

/** Makes the handler of `POST /detokenize`. */
export function createDetokenizeRoute(deps: TokenizerRouteDeps): RequestHandler {
  return async (request, response) => {
    const { model = '', tokens: tokenIds } = parseBody(DETOKENIZE_FIELDS, request, response);
    const { text } = await deps.tokenizer.detokenize({ model, tokenIds }, toOptions(response, deps));
    const detokenized: Detokenized = { prompt: text };
    response.json(detokenized);
  };
}

function parseBody<T extends z.ZodObject>(fields: T, { body }: Request, response: Response): z.output<T> {
  const parsed = parseFields(fields, body);
  setIgnoredFields(response, ignoredFields(body, fields));
  return parsed;
}

function toOptions(response: Response, { config, lifecycle }: TokenizerRouteDeps): UnaryCallOptions {
  return {
    requestId: response.get('x-request-id') ?? '',
    signal: createRequestSignal(response, lifecycle.cutOff),
    timeoutMs: config.tokenizeTimeoutMs,
  };
}
