import { BinaryReader } from '@bufbuild/protobuf/wire';
import { EngineError } from '../engine/index.js';

/** What decodes one message type; every generated message is one. */
export interface MessageDecoder<T> {
  decode(input: BinaryReader): T;
}

// A U+FEFF at the start of a string is text: without ignoreBOM it would vanish.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Decodes a request. Strings must be valid UTF-8, as proto3 demands; the generated decoders alone would put U+FFFD
 * in place of what is not, and complete another prompt than the caller's.
 *
 * @throws EngineError INVALID_FIELD where the bytes are not such a message.
 */
export function decodeRequest<T>(message: MessageDecoder<T>, bytes: Uint8Array): T {
  try {
    return message.decode(new BinaryReader(bytes, decodeUtf8));
  } catch (caught) {
    if (caught instanceof EngineError) throw caught;
    const text = 'The request message does not decode: it is cut short, or not of the type of this RPC.';
    throw new EngineError('INVALID_FIELD', text, { cause: caught });
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new EngineError('INVALID_FIELD', 'Strings of the request must be valid UTF-8.', { cause });
  }
}
