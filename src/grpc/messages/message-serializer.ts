import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** What encodes one message type; every generated message is one. */
export interface MessageEncoder<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
}

/**
 * Makes the function that turns messages of a type into bytes, for a stream of many small ones: the generated one makes a
 * writer for each, which takes longer than the encoding itself. The copy into a Buffer is cheap: it comes from Node's pool,
 * where a view would first have to move the small array that the writer gives out of V8's heap.
 */
export function createSerializer<T>(type: MessageEncoder<T>): (message: T) => Buffer {
  let writer = new BinaryWriter();
  return (message) => {
    try {
      return Buffer.from(type.encode(message, writer).finish());
    } catch (error) {
      writer = new BinaryWriter(); // The old one has half a message in it.
      throw error;
    }
  };
}
