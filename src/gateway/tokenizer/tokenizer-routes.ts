import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { toTokenString } from '../completions/token-string.js';
import { ignoredFields, parseFields } from '../fields/request-parser.js';
import type { GatewayConfig } from '../gateway-config.js';
import { callerOf } from '../http/request-caller.js';
import { setIgnoredFields } from '../http/request-headers.js';
import { createRequestSignal } from '../http/request-signal.js';
import type { Lifecycle } from '../lifecycle.js';
import type { TokenizerClient } from '../upstream/tokenizer-client.js';
import type { UnaryCallOptions } from '../upstream/unary-call.js';
import { DETOKENIZE_FIELDS, TOKENIZE_FIELDS } from './tokenizer-fields.js';
import type { Detokenized, Tokenized } from './tokenizer-schemas.js';

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
      toOptions(request, response, deps),
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
    const { text } = await deps.tokenizer.detokenize({ model, tokenIds }, toOptions(request, response, deps));
    const detokenized: Detokenized = { prompt: text };
    response.json(detokenized);
  };
}

function parseBody<T extends z.ZodObject>(fields: T, { body }: Request, response: Response): z.output<T> {
  const parsed = parseFields(fields, body);
  setIgnoredFields(response, ignoredFields(body, fields));
  return parsed;
}

function toOptions(
  request: Request,
  response: Response,
  { config, lifecycle }: TokenizerRouteDeps,
): UnaryCallOptions {
  return {
    ...callerOf(request, response),
    signal: createRequestSignal(response, lifecycle.cutOff),
    timeoutMs: config.tokenizeTimeoutMs,
  };
}
