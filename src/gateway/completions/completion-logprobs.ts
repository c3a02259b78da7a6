import type { TokenLogprob } from '../../contract/gen/linnet/v1/completion.js';
import type { Logprobs } from './completion-schemas.js';
import { toTokenString } from './token-string.js';

/** Makes OpenAI's object of tokens' log-probabilities: four lists, of which each has one entry for each token. */
export function toLogprobs(entries: readonly TokenLogprob[]): Logprobs {
  return {
    tokens: entries.map(({ tokenBytes }) => toTokenString(tokenBytes)),
    token_logprobs: entries.map(({ logprob }) => logprob ?? null),
    top_logprobs: entries.map(toTopLogprobs),
    text_offset: entries.map(({ textOffset }) => textOffset),
  };
}

// The token itself is always among them, so there is one more than were asked for where it is not one of the best.
function toTopLogprobs({ logprob, tokenBytes, top }: TokenLogprob): Record<string, number> | null {
  if (logprob === undefined) return null;
  const best = top.map((token) => [toTokenString(token.tokenBytes), token.logprob] as const);
  return Object.fromEntries([...best, [toTokenString(tokenBytes), logprob]]);
}
