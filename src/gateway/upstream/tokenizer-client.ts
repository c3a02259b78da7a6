import { credentials } from '@grpc/grpc-js';
import {
  type DetokenizeRequest,
  type DetokenizeResponse,
  type TokenizeRequest,
  type TokenizeResponse,
  TokenizerClient as WireClient,
} from '../../contract/gen/linnet/v1/tokenizer.js';
import type { EngineChannels } from './engine-channels.js';
import { callUnary, type UnaryCallOptions } from './unary-call.js';

/** Turns text into tokens and back on the engine. Every call throws a GatewayError where it fails. */
export interface TokenizerClient {
  /** Splits text into tokens. */
  tokenize(request: TokenizeRequest, options: UnaryCallOptions): Promise<TokenizeResponse>;
  /** Joins tokens to text. */
  detokenize(request: DetokenizeRequest, options: UnaryCallOptions): Promise<DetokenizeResponse>;
}

/** Makes a client over the engine's channels. */
export function createTokenizerClient(channels: EngineChannels): TokenizerClient {
  const client = () =>
    new WireClient(channels.address, credentials.createInsecure(), { channelOverride: channels.next() });
  return {
    tokenize: (request, options) =>
      callUnary(channels, (metadata, o, done) => client().tokenize(request, metadata, o, done), options),
    detokenize: (request, options) =>
      callUnary(channels, (metadata, o, done) => client().detokenize(request, metadata, o, done), options),
  };
}
