/** Reads a token's string back, as a client may. */
export function fromTokenString(text: string): Buffer {
  if (!text.startsWith('bytes:')) return Buffer.from(text);
  const latin1 = text
    .slice('bytes:'.length)
    .replace(/\\x([\da-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(latin1, 'latin1');
}
