import type { Token } from '../tokenization.js';
import { CharacterCounter } from './character-counter.js';
import type { Tokenizer } from './tokenizer.js';

/** Splits a text into its tokens, and tells where each begins. */
export function toTokens(text: string, tokenizer: Tokenizer): Token[] {
  const encoding = tokenizer.encode(text, Number.POSITIVE_INFINITY);
  const ids = encoding.tooLong ? [] : encoding.ids; // nothing is too long for no limit
  const characters = new CharacterCounter();
  let byteOffset = 0;
  return ids.map((id) => {
    const bytes = tokenizer.tokenBytes.bytesOf(id);
    const token = { id, bytes, byteOffset, textOffset: characters.add(bytes) };
    byteOffset += bytes.length;
    return token;
  });
}

/** Makes text of bytes, U+FFFD of what is no character. */
export function toText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
