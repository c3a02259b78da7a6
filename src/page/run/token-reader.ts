import type { Logprobs } from '../api/stream-completion.js';
import type { Alternative, Token } from './token.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Reads tokens from what a stream tells of them; puts characters together whose bytes come in several tokens. */
export class TokenReader {
  /** The bytes of a character that is not whole yet. */
  #rest = new Uint8Array();

  /** Reads the next tokens. */
  read({ tokens, token_logprobs, top_logprobs }: Logprobs): Token[] {
    return tokens.map((name, index) => {
      const isReplaceable = this.#rest.length === 0;
      return {
        name,
        text: this.#decode(toBytes(name)),
        logprob: token_logprobs[index] ?? 0,
        alternatives: toAlternatives(top_logprobs[index] ?? {}),
        isReplaceable,
        isTaken: false,
      };
    });
  }

  #decode(bytes: Uint8Array): string {
    const all = new Uint8Array([...this.#rest, ...bytes]);
    const end = all.length - lengthOfPart(all);
    this.#rest = all.slice(end);
    return decoder.decode(all.subarray(0, end));
  }
}

/** Makes the bytes of a token from its name. */
function toBytes(name: string): Uint8Array {
  if (!name.startsWith('bytes:')) return encoder.encode(name);
  const codes = [...name.slice(6).matchAll(/\\x([\da-f]{2})|(.)/gs)];
  return Uint8Array.from(codes, ([, hex, character]) =>
    hex === undefined ? (character?.charCodeAt(0) ?? 0) : Number.parseInt(hex, 16),
  );
}

function toAlternatives(top: Readonly<Record<string, number>>): Alternative[] {
  const alternatives = Object.entries(top).map(([name, logprob]) => ({ name, logprob }));
  return alternatives.sort((a, b) => b.logprob - a.logprob);
}

/** Counts the bytes at the end that begin a character and do not finish it: 0 to 3. */
function lengthOfPart(bytes: Uint8Array): number {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    const byte = bytes[bytes.length - length] ?? 0;
    if (byte < 0x80 || byte > 0xf7) return 0;
    if (byte < 0xc0) continue;
    const whole = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length < whole ? length : 0;
  }
  return 0;
}
