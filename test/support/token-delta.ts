import type { Delta } from '../../src/contract/gen/linnet/v1/completion.js';

/** Makes the part of a stream that brings one token, with five others that could have come. */
export function toTokenDelta(text: string, logprob = -1): Partial<Delta> {
  const tokenBytes = Buffer.from(text);
  const top = [0, 1, 2, 3, 4].map((id) => ({
    ...{ tokenId: id, tokenBytes: Buffer.from(` t${id}`), logprob: -2 - id },
  }));
  const logprobs = [{ logprob, rank: 1, tokenBytes, textOffset: 0, top }];
  return { text, tokenBytes, tokenIds: [1], logprobs };
}
