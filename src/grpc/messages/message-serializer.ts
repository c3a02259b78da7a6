import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** What encodes one message type; every generated message is one. */
export interface MessageEncoder<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
}

/**
 * Makes the function that turns messages of a type into bytes, for a stream of many small ones: the generated one makes a
 * writer for each, and copies twice, which takes longer than the encoding itself.
 */
export function createSerializer<T>(type: MessageEncoder<T>): (message: T) => Buffer {
  let writer = new BinaryWriter();
  return (message) => {
    try {
      const { buffer, byteOffset, byteLength } = type.encode(message, writer).finish();
      return Buffer.from(buffer, byteOffset, byteLength);
    } catch (error) {
      writer = new BinaryWriter(); // The old one has half a message in it.
      throw error;
    }
  };
}
