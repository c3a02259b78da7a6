import {
  DetokenizeRequest,
  type DetokenizeResponse,
  TokenizeRequest,
  type TokenizeResponse,
  TokenizerService,
} from '../../contract/gen/linnet/v1/tokenizer.js';
import type { Engine } from '../../engine/index.js';
import { type Rpc, type RpcOptions, unaryRpc } from '../calls/rpc.js';
import { invalidField } from '../messages/invalid-field.js';
import { parseModelId } from '../messages/model-id.js';
import { toBuffer } from '../messages/token-logprob.js';

/** More than any context holds, and little enough to be answered between two tokens of a stream. */
const MAX_BYTES = 131_072;
const MAX_TOKENS = 131_072;

/** Makes the RPCs of `linnet.v1.Tokenizer`. */
export function createTokenizerRpcs(engine: Engine, options: RpcOptions) {
  const tokenize = unaryRpc(
    {
      method: TokenizerService.tokenize,
      request: TokenizeRequest,
      answer: (request: TokenizeRequest) => answerTokenize(request, engine),
    },
    options,
  );
  const detokenize = unaryRpc(
    {
      method: TokenizerService.detokenize,
      request: DetokenizeRequest,
      answer: (request: DetokenizeRequest) => answerDetokenize(request, engine),
    },
    options,
  );
  return { tokenize, detokenize } satisfies Record<keyof typeof TokenizerService, Rpc>;
}

async function answerTokenize({ model, text }: TokenizeRequest, engine: Engine): Promise<TokenizeResponse> {
  const numBytes = Buffer.byteLength(text);
  if (numBytes > MAX_BYTES) {
    const mustBe = `at most ${MAX_BYTES} bytes of UTF-8`;
    throw invalidField({ field: 'text', mustBe, got: `${numBytes} bytes` });
  }
  const { contextLength = 0, tokens, ...rest } = await engine.tokenize(parseModelId('model', model), text);
  return {
    ...rest,
    contextLength,
    tokens: tokens.map((token) => ({ ...token, bytes: toBuffer(token.bytes) })),
  };
}

async function answerDetokenize(
  { model, tokenIds }: DetokenizeRequest,
  engine: Engine,
): Promise<DetokenizeResponse> {
  if (tokenIds.length > MAX_TOKENS) {
    throw invalidField({ field: 'token_ids', mustBe: `at most ${MAX_TOKENS} ids`, got: tokenIds.length });
  }
  const { bytes, ...rest } = await engine.detokenize(parseModelId('model', model), tokenIds);
  return { ...rest, bytes: toBuffer(bytes) };
}
