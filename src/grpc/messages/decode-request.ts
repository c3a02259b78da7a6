import { BinaryReader } from '@bufbuild/protobuf/wire';
import { EngineError } from '../../engine/index.js';

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
  let isValid = true;
  const reader = new BinaryReader(bytes, (text) => {
    try {
      return UTF8.decode(text);
    } catch {
      isValid = false;
      return INVALID;
    }
  });
  const decoded = decode(message, reader);
  if (isValid) return decoded;
  const field = fieldOf(decoded as object, INVALID);
  if (field === undefined) return decoded; // It came twice, and the last one counts.
  throw new EngineError('INVALID_FIELD', `\`${field}\` must be valid UTF-8.`, { field });
}

function decode<T>(message: MessageDecoder<T>, reader: BinaryReader): T {
  try {
    return message.decode(reader);
  } catch (cause) {
    const text = 'The request message does not decode: it is cut short, or not of the type of this RPC.';
    throw new EngineError('INVALID_FIELD', text, { cause });
  }
}

/** The name, in the proto's spelling, of the field of a message, or of one within it, that holds this value itself. */
function fieldOf(message: object, wanted: unknown): string | undefined {
  for (const [key, value] of Object.entries(message)) {
    const name = toSnakeCase(key);
    const found = Array.isArray(value)
      ? firstOf(value, (item, i) => pathTo(`${name}[${i}]`, item, wanted))
      : pathTo(name, value, wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The path of the wanted value, where this one, with this path, is or has it. */
function pathTo(path: string, value: unknown, wanted: unknown): string | undefined {
  if (value === wanted) return path;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined;
  // A oneof is no part of its members' names.
  if ('$case' in value) {
    const { $case, value: member } = value as { readonly $case: string; readonly value: unknown };
    const prefix = path.slice(0, path.lastIndexOf('.') + 1);
    return pathTo(prefix + toSnakeCase($case), member, wanted);
  }
  const field = fieldOf(value, wanted);
  return field && `${path}.${field}`;
}

function firstOf<T>(items: readonly T[], find: (item: T, index: number) => string | undefined) {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function toSnakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
