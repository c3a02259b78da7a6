const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const BACKSLASH = 0x5c;

/**
 * Says a token as a string, of which no two tokens have the same: its text, or where its bytes are no whole
 * characters, OpenAI's form `bytes:\xe2\x80`, in which printable ASCII stands for itself. No token of GPT-2's
 * vocabulary has a text that begins with `bytes:`.
 *
 * @param bytes the exact bytes of the token.
 */
export function toTokenString(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return `bytes:${Array.from(bytes, escapeByte).join('')}`;
  }
}

function escapeByte(byte: number): string {
  if (byte >= 0x20 && byte < 0x7f && byte !== BACKSLASH) return String.fromCharCode(byte);
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}
