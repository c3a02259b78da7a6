import type { TokenLogprob as WireLogprob } from '../../contract/gen/linnet/v1/completion.js';
import type { TokenLogprob } from '../../engine/index.js';

/** Maps what the engine tells of a token to its message. */
export function toWireLogprob({ tokenBytes, top, ...rest }: TokenLogprob): WireLogprob {
  return {
    ...rest,
    tokenBytes: toBuffer(tokenBytes),
    top: top.map((token) => ({ ...token, tokenBytes: toBuffer(token.tokenBytes) })),
  };
}

/** Views bytes as a Buffer, without a copy. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
