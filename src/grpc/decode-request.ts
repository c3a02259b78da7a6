import { BinaryReader } from '@bufbuild/protobuf/wire';
import { EngineError } from '../engine/index.js';

/** What decodes one message type; every generated message is one. */
export interface MessageDecoder<T> {
  decode(input: BinaryReader): T;
}

// A U+FEFF at the start of a string is text: without ignoreBOM it would vanish.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

// Stands for a string that is not valid UTF-8 until its field is found; no valid string is this object.
const INVALID = Object('invalid UTF-8') as string;

/**
 * Decodes a request. Strings must be valid UTF-8, as proto3 demands; the generated decoders alone would put U+FFFD
 * in place of what is not, and complete another prompt than the caller's.
 *
 * @throws EngineError INVALID_FIELD where the bytes are not such a message, with the field that is not UTF-8.
 */
export function decodeRequest<T>(message: MessageDecoder<T>, bytes: Uint8Array): T {
  const decoded = decode(message, bytes);
  const field = fieldOf(decoded as object, INVALID);
  if (field === undefined) return decoded;
  throw new EngineError('INVALID_FIELD', `\`${field}\` must be valid UTF-8.`, { field });
}

function decode<T>(message: MessageDecoder<T>, bytes: Uint8Array): T {
  try {
    return message.decode(new BinaryReader(bytes, decodeUtf8));
  } catch (cause) {
    const text = 'The request message does not decode: it is cut short, or not of the type of this RPC.';
    throw new EngineError('INVALID_FIELD', text, { cause });
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return INVALID;
  }
}

/** The name, in the proto's spelling, of the field of a message that holds this value itself. */
function fieldOf(message: object, wanted: unknown): string | undefined {
  for (const [key, value] of Object.entries(message)) {
    if (value === wanted) return toSnakeCase(key);
    if (Array.isArray(value) && value.includes(wanted))
      return `${toSnakeCase(key)}[${value.indexOf(wanted)}]`;
    const isOneof = typeof value === 'object' && value !== null && '$case' in value;
    if (isOneof && value.value === wanted) return toSnakeCase(value.$case);
  }
  return undefined;
}

function toSnakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
