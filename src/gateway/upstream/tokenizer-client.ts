import { credentials } from '@grpc/grpc-js';
import {
  type DetokenizeRequest,
  type DetokenizeResponse,
  type TokenizeRequest,
  type TokenizeResponse,
  TokenizerClient as WireClient,
} from '../../contract/gen/linnet/v1/tokenizer.js';
import type { EngineLink } from './engine-link.js';
import type { EnginePool } from './engine-pool.js';
import { callUnary, type UnaryCallOptions } from './unary-call.js';

/** Turns text into tokens and back on the engine. Every call throws a GatewayError where it fails. */
export interface TokenizerClient {
  /** Splits text into tokens. */
  tokenize(request: TokenizeRequest, options: UnaryCallOptions): Promise<TokenizeResponse>;
  /** Joins tokens to text. */
  detokenize(request: DetokenizeRequest, options: UnaryCallOptions): Promise<DetokenizeResponse>;
}

/** Makes a client of the engines. */
export function createTokenizerClient(engines: EnginePool): TokenizerClient {
  const client = ({ address, channels }: EngineLink) =>
    new WireClient(address, credentials.createInsecure(), { channelOverride: channels.next() });
  return {
    tokenize: (request, options) =>
      callUnary(engines, (engine, ...rest) => client(engine).tokenize(request, ...rest), options),
    detokenize: (request, options) =>
      callUnary(engines, (engine, ...rest) => client(engine).detokenize(request, ...rest), options),
  };
}
