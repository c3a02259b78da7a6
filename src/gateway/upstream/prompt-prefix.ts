import type { GenerateRequest } from '../../contract/gen/linnet/v1/completion.js';

/** Tokens of a block of the engine's prefix cache: what is shorter is never in it. */
const BLOCK_TOKENS = 64;
/** English text has some four characters a token. */
const BLOCK_CHARACTERS = 4 * BLOCK_TOKENS;

/**
 * Says with what a request's first prompt begins, as far as an engine's prefix cache is concerned: requests with the same
 * beginning are best asked of the same engine. Undefined for a prompt that is shorter than one block of it.
 */
export function toPromptPrefix({ model, input, prompts }: GenerateRequest): string | undefined {
  const first = prompts[0]?.input;
  if (input?.$case === 'prompt') return prefixOfText(model, input.value);
  if (first?.$case === 'text') return prefixOfText(model, first.value);
  const ids =
    input?.$case === 'promptTokenIds' ? input.value.ids : first?.$case === 'tokenIds' ? first.value.ids : [];
  return ids.length < BLOCK_TOKENS ? undefined : `${model}\n${ids.slice(0, BLOCK_TOKENS).join()}`;
}

function prefixOfText(model: string, text: string): string | undefined {
  return text.length < BLOCK_CHARACTERS ? undefined : `${model}\n${text.slice(0, BLOCK_CHARACTERS)}`;
}
